"""Whose turn it is to read: one read under way for each person, and so many rows in a time.

Reads share one thread. A frame costs its sender nothing, and the largest of them reads 500 rows: what is counted is
what they cost, not how many there are. What is asked for with a frame is refused where it is too much. What a socket
catches up with waits instead, one after the other: nobody is told of it, and it goes on as fast as it is paid for.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

from chat.limits import READ_ROWS, ROWS, ROWS_PER_SECOND, SPARE_ROWS
from parley_serving.bucket import Bucket

log = logging.getLogger(__name__)

FEW = 1_000  # people whose turns are kept before it is looked at who has rested: a process has hardly more sockets


class TooMany(Exception):  # noqa: N818 (named for what happened; `rate_limited` on the wire)
    """Something was asked too often; `seconds` until it is done again, and `detail` for a person to read."""

    detail = "too often"

    def __init__(self, seconds: float) -> None:
        super().__init__(seconds)
        self.seconds = seconds


class TooManyRows(TooMany):
    """Somebody reads more than anybody does who looks at it."""

    detail = "too many messages read"


class Reading:
    """One read under way; `rows` is what it read, told at its end."""

    rows = 0


class Turn:
    """What one person has of the reader's thread."""

    def __init__(self) -> None:
        self.lock = asyncio.Lock()
        self.catching_up = asyncio.Lock()
        self.bucket = Bucket(rate=ROWS_PER_SECOND, burst=ROWS)
        self.is_told = False  # the log says it once, not for each refused frame

    def has_rested(self) -> bool:
        """Say whether this is what a new one would be."""
        is_idle = not self.lock.locked() and not self.catching_up.locked()
        return is_idle and not self.bucket.take() and self.bucket.tokens >= ROWS - 1

    def is_news(self) -> bool:
        """Say whether the log is to be told: once, and again only after half of what one may read has come back."""
        was_told, self.is_told = self.is_told, True
        return not was_told

    @contextmanager
    def paid(self, rows: int) -> Iterator[Reading]:
        """Read at most `rows`, after the first token was taken.

        All of it is paid for before, and what was not read is given back: a socket that leaves in the middle does not
        stop the thread.
        """
        self.is_told = self.is_told and self.bucket.tokens < ROWS / 2
        self.bucket.tokens -= READ_ROWS - 1 + rows
        reading = Reading()
        try:
            yield reading
        except asyncio.CancelledError:
            reading.rows = rows
            raise
        finally:
            self.bucket.tokens += rows - reading.rows


class Turns:
    """The turns of all people of a process; kept until they have rested, so that a new socket gets no new turn."""

    def __init__(self) -> None:
        self._turns: dict[int, Turn] = {}
        self._most = FEW

    @asynccontextmanager
    async def turn(self, person: int, rows: int) -> AsyncIterator[Reading]:
        """Wait for this person's other read, then read at most `rows`; raise TooManyRows."""
        turn = self._of(person)
        async with turn.lock:
            if wait := turn.bucket.take():
                if turn.is_news():
                    log.warning("person %s reads too many messages and is refused for now", person)
                raise TooManyRows(wait)
            with turn.paid(rows) as reading:
                yield reading

    @asynccontextmanager
    async def catching_up(self, person: int, rows: int) -> AsyncIterator[Reading]:
        """Wait for what this person catches up with elsewhere, and until it is paid for; then read at most `rows`."""
        turn = self._of(person)
        async with turn.catching_up:
            while wait := turn.bucket.take(1 + SPARE_ROWS):
                if turn.is_news():
                    log.warning("person %s reads too many messages and is slowed down", person)
                await asyncio.sleep(wait)
            turn.bucket.tokens += SPARE_ROWS
            with turn.paid(rows) as reading:
                yield reading

    def _of(self, person: int) -> Turn:
        turn = self._turns.get(person)
        if turn is None:
            if len(self._turns) >= self._most:
                self._turns = {one: turn for one, turn in self._turns.items() if not turn.has_rested()}
                self._most = max(FEW, 2 * len(self._turns))
            turn = self._turns[person] = Turn()
        return turn
