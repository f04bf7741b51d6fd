"""The command line: words in, one call, one exit status."""
