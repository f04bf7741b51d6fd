"""`./parley bench`: Parley beside three others on this machine, under one load."""
