"""What goes on, on stderr: one line that changes on a terminal, plain lines elsewhere."""

from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console


class Progress:
    """Says what is being done, and how far that is."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._status = console.status("starting") if console.is_terminal else None
        self._steps = 1
        self._step = 0

    @contextmanager
    def steps(self, count: int) -> Iterator[None]:
        """Show that there are so many steps."""
        self._steps = count
        if self._status is None:
            yield
            return
        with self._status:
            yield

    def step(self, what: str) -> None:
        """Begin the next step."""
        self._step += 1
        line = f"[{self._step}/{self._steps}] {what}"
        if self._status is None:
            self._console.print(line, highlight=False, markup=False)
        else:
            self._status.update(line.replace("[", r"\["))
