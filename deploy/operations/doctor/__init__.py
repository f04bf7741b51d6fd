"""`./parley doctor`: what is wrong with this stack, by name, with its evidence and its fix."""
