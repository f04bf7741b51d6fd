"""Backups of the truth: made while people chat, read back before they count, and restored into a stopped stack."""
