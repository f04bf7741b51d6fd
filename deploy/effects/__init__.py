"""What touches the machine: files, processes and connections. Knows no stack."""
