"""What keeps entries of a busy room back for a moment, so that several leave in one frame and one write."""

import asyncio
from collections.abc import Callable, Sequence

COALESCE_SECONDS = 0.005  # how long an entry of a busy room waits for others
ALONE_WRITES = 64  # after waits that brought no other, up to so many are written without one


class Coalescer:
    """Entries that wait; `write` is given them at once when the room was quiet, else within `seconds`."""

    def __init__(self, seconds: float, write: Callable[[list[bytes]], None]) -> None:
        self.held: list[bytes] = []
        self._seconds = seconds
        self._write = write
        self._waiting: asyncio.TimerHandle | None = None
        self._pieces = 0  # how many are held
        self._alone = 0  # how many pieces are still written without a wait
        self._in_vain = 1
        self._written_at = -seconds

    def add(self, entries: Sequence[bytes]) -> None:
        """Write them at once when the room was quiet, else with what comes within a few milliseconds."""
        self.held += entries
        self._pieces += 1
        if self._waiting is None:
            loop = asyncio.get_running_loop()
            if self._alone or loop.time() >= self._written_at + self._seconds:
                self._alone = max(0, self._alone - 1)
                self.release()
            else:
                self._waiting = loop.call_at(self._written_at + self._seconds, self._waited)

    def release(self) -> None:
        """Write what is held now."""
        self.close()
        if self.held:
            held, self.held, self._pieces = self.held, [], 0
            self._written_at = asyncio.get_running_loop().time()
            self._write(held)

    def close(self) -> None:
        """Wait no longer."""
        if self._waiting is not None:
            self._waiting.cancel()
            self._waiting = None

    def _waited(self) -> None:
        """The wait is over; where nobody came, the next ones do not wait: twice as many each time in a row."""
        if self._pieces < 2:
            self._in_vain = min(2 * self._in_vain, ALONE_WRITES)
            self._alone = self._in_vain
        else:
            self._in_vain = 1
        self.release()
