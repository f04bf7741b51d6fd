"""Faults, witnesses and the checker that judges what the witnesses saw."""
