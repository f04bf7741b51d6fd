"""The Channels tutorial as a project of its own."""
