"""`./parley adopt`: what a project's own files say about it, written down as a parley.toml."""
