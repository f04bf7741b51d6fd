"""Runbooks: pages of docs/runbooks whose shell blocks run."""
