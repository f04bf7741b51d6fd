"""What long work says while it goes on."""

import os
import sys


def say(line: str) -> None:
    """Write a line at once. A reader that has gone (`| head`) does not stop work that must not end half-way."""
    try:
        sys.stdout.write(f"{line}\n")
        sys.stdout.flush()
    except BrokenPipeError:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)
