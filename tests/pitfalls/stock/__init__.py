"""A small project as the tutorials make it: what the pitfalls happen to."""
