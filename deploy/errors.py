"""The two ways a command ends badly, each one line for the person who typed it, and one of the lines."""


class BadInputError(Exception):
    """What was asked for cannot be done as asked: exit 2, and nothing has been half done."""


class StackError(Exception):
    """What was asked for was tried and failed: exit 1."""


def cannot_run(command: str, error: OSError) -> StackError:
    """Return what to say of a program that did not start."""
    if isinstance(error, FileNotFoundError) and error.filename == command and "/" not in command:
        return StackError(f"{command} is not installed, or not on PATH")
    return StackError(f"{command} cannot be run: {error.strerror}")
