"""What stops a move: one line for whoever asked for it."""


class ProblemError(Exception):
    """The rows cannot be moved as they are, and nothing of them was."""
