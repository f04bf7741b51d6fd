"""parley.toml as typed values: its tables, its rules, and the capacity of a machine. Pure; imports no other floor."""
