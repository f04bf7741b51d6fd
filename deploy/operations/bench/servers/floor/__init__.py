"""The bare floor."""
