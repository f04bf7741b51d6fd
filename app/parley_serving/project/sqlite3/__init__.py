"""SQLite for Django below 5.1, which has no options for it."""
