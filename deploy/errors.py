"""The two ways a command ends badly, each one line for the person who typed it."""


class BadInputError(Exception):
    """What was asked for cannot be done as asked: exit 2, and nothing has been half done."""


class StackError(Exception):
    """What was asked for was tried and failed: exit 1."""
