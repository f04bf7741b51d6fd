"""Taking turns: so many at once, the others wait in lines of bounded length, and one more is refused."""

import asyncio
import logging
from collections import deque
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import NamedTuple

from parley_serving import metrics
from parley_serving.bucket import Bucket

log = logging.getLogger(__name__)

TOLD_PER_SECOND = 1.0  # lines of the log about refusals: a flood of requests must not become one of lines
TOLD_AT_ONCE = 10


class Full(Exception):  # noqa: N818 (an answer, not a fault)
    """Too many wait already; come again in `seconds`."""

    def __init__(self, seconds: int) -> None:
        super().__init__(f"too many wait, come again in {seconds} s")
        self.seconds = seconds


class Bound(NamedTuple):
    """How many may wait in a line, how many of these for one address, and when somebody refused may come again."""

    most: int
    per_address: int
    again_seconds: int


class Line:
    """Who waits for one kind of thing: the addresses take turns, so that a long queue of one holds up no other."""

    def __init__(self, name: str, bound: Bound) -> None:
        self.name = name
        self.bound = bound
        self._waiting: dict[str, deque[asyncio.Future[None]]] = {}  # by address; the first one is next

    def __len__(self) -> int:
        return sum(map(len, self._waiting.values()))

    def is_full(self, address: str) -> bool:
        """Say whether one more from this address would be too many."""
        return len(self) >= self.bound.most or len(self._waiting.get(address, ())) >= self.bound.per_address

    def join(self, address: str) -> asyncio.Future[None]:
        """Wait at the end of this address's own queue."""
        future = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(address, deque()).append(future)
        return future

    def leave(self, address: str, future: asyncio.Future[None]) -> None:
        """Wait no more."""
        queue = self._waiting[address]
        queue.remove(future)
        if not queue:
            del self._waiting[address]

    def pop(self) -> asyncio.Future[None]:
        """Take whose turn it is; that address goes behind the others."""
        address = next(iter(self._waiting))
        queue = self._waiting.pop(address)
        future = queue.popleft()
        if queue:
            self._waiting[address] = queue
        return future


class Turns:
    """So many at once, from one or several lines: the first line goes first, but not more than `in_a_row` times.

    With a `share` below 1 each turn is followed by a rest, so that turns take no more than this share of the time.
    """

    def __init__(self, *, at_once: int, lines: Mapping[str, Bound], in_a_row: int = 1, share: float = 1.0) -> None:
        self._free = at_once
        self._lines = {name: Line(name, bound) for name, bound in lines.items()}
        self._most_in_a_row = in_a_row
        self._in_a_row = 0
        self._rest = 1 / share - 1  # after a turn, in times of how long it took
        self._begun = 0.0  # the newest turn
        self._lines_told = Bucket(rate=TOLD_PER_SECOND, burst=TOLD_AT_ONCE)

    @asynccontextmanager
    async def turn(self, line: str, address: str) -> AsyncIterator[None]:
        """Have a turn while the block runs; raise Full instead of waiting where too many wait already."""
        await self.take(line, address)
        try:
            yield
        finally:
            self.give_back()

    async def take(self, line: str, address: str) -> None:
        """Wait for a turn, which `give_back` ends; raise Full."""
        if self._free:
            self._free -= 1
            self._begun = asyncio.get_running_loop().time()
            return
        waiting = self._lines[line]
        if waiting.is_full(address):
            self._tell(waiting, address)
            raise Full(waiting.bound.again_seconds)
        future = waiting.join(address)
        try:
            await future
        except asyncio.CancelledError:
            if future.done() and not future.cancelled():
                self.give_back()  # the turn came at the moment in which nobody waited for it any more
            else:
                waiting.leave(address, future)
            raise

    def give_back(self) -> None:
        """End a turn: it is the next one's who waits, after the rest."""
        if not self._rest:
            self._pass_on()
            return
        loop = asyncio.get_running_loop()
        loop.call_later((loop.time() - self._begun) * self._rest, self._pass_on)

    def _pass_on(self) -> None:
        waiting = [line for line in self._lines.values() if line]
        if not waiting:
            self._free += 1
            return
        is_others = len(waiting) > 1 and self._in_a_row >= self._most_in_a_row
        self._in_a_row = 0 if is_others or len(waiting) == 1 else self._in_a_row + 1
        self._begun = asyncio.get_running_loop().time()
        waiting[is_others].pop().set_result(None)

    def _tell(self, line: Line, address: str) -> None:
        metrics.turn_away(line.name)
        if not self._lines_told.take():
            log.warning("too many wait: limit=%s address=%s waiting=%d", line.name, address, len(line))
