"""Lines on the terminal, each with its process's name in front; plain where it is not a terminal."""

import os
import select
import sys
from itertools import cycle

NAME_WIDTH = 6
COLOURS = ("36", "32", "35", "33", "34", "96", "92", "95")
PIPE_BYTES = 4096  # a pipe that can be written takes this many without blocking
WAIT_SECONDS = 0.05


class Console:
    """Writes to stdout, and never waits for a reader: a full pipe must not stop the one who watches the stack."""

    def __init__(self, descriptor: int | None = None) -> None:
        self._descriptor = sys.stdout.fileno() if descriptor is None else descriptor
        self._coloured = os.isatty(self._descriptor) and "NO_COLOR" not in os.environ
        self._next_colour = cycle(COLOURS)
        self._colours: dict[str, str] = {"up": "1"}
        self._left_out = 0

    def say(self, name: str, line: str) -> None:
        """Write one line of one process."""
        if self._left_out and self._writable(0):
            count, self._left_out = self._left_out, 0
            self._write(self._prefixed("up", f"{count} lines were left out: nobody read them"))
        text = self._prefixed(name, line)
        if self._writable(0 if self._left_out else WAIT_SECONDS):
            self._write(text)
        else:
            self._left_out += 1

    def _prefixed(self, name: str, line: str) -> str:
        label = f"{name:<{NAME_WIDTH}} |"
        if self._coloured:
            if name not in self._colours:
                self._colours[name] = next(self._next_colour)
            label = f"\x1b[{self._colours[name]}m{label}\x1b[0m"
        return f"{label} {line}".rstrip()

    def _writable(self, seconds: float) -> bool:
        return bool(select.select([], [self._descriptor], [], seconds)[1])

    def _write(self, text: str) -> None:
        data = text.encode(errors="replace")[: PIPE_BYTES - 1] + b"\n"
        try:
            os.write(self._descriptor, data)
        except OSError:  # the terminal or the reader has gone: the stack goes on, and a signal ends it
            return
