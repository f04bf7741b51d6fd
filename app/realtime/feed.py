"""One room in one process: its position, and the sockets that read it.

Entries come from this process's commits, from the channel layer, from the log; in any order, any number of times, or
not at all. They leave in sequence, once, without a gap. What is missing is read from the log.

A subscriber is *live* when all up to the feed's position was written to it. One that is not (it joined at another
position, or reads too slowly) has a position of its own, and is brought up from the log.
"""

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import NamedTuple, Protocol

from realtime.coalescer import Coalescer
from realtime.frame import Frame

log = logging.getLogger(__name__)

GAP_SECONDS = 0.030  # two processes publish in either order: wait this long for the missing piece before reading
EARLY_ENTRIES = 1_000  # entries kept while a piece before them is missing; the log has the rest
READ_ENTRIES = 200  # one page of a repair or of a catch-up
RETRY_SECONDS = 0.5  # between two reads of a log that does not answer
EMPTY_READS = 8  # of a catch-up, in a row: longer than the hub waits for a room that is gone


class LogUnavailableError(Exception):
    """The log cannot be read now; the feed tries again."""


class Subscriber(Protocol):
    """What a feed needs of a socket."""

    @property
    def is_writable(self) -> bool:
        """False while the peer reads too slowly."""

    def write(self, frame: Frame) -> None:
        """Take one frame; never raises, never waits."""

    def restart(self) -> None:
        """The room's history was replaced: make the client connect and join again."""


class Source(Protocol):
    """The durable log behind a feed."""

    async def read(self, room: int, epoch: str, after: int, limit: int) -> Sequence[bytes]:
        """Return encoded entries after+1, after+2, … of `epoch` without a gap; raise LogUnavailableError."""

    def frames(self, room: int, name: str, epoch: str, after: int, entries: Sequence[bytes]) -> list[Frame]:
        """Encode entries after+1, after+2, … as what a client reads; several frames where one would be too large."""


class Asked(NamedTuple):
    """What a socket asked for by joining behind the head: entries up to `upto`, read as Source.read does."""

    upto: int
    read: Callable[[int, str, int, int], Awaitable[Sequence[bytes]]]


class Feed:
    """Orders, fills gaps, drops repeats, and writes each frame to every live subscriber."""

    def __init__(
        self,
        *,
        room: int,
        name: str,
        epoch: str,
        position: int,
        source: Source,
        count: Callable[[str, int], None],
        company_seconds: float = 0.0,
    ) -> None:
        self.room = room
        self.name = name
        self.epoch = epoch
        self.position = position  # the last seq that was written
        self.live: set[Subscriber] = set()
        self.behind: dict[Subscriber, int] = {}
        self._asked: dict[Subscriber, Asked] = {}
        self._source = source
        self._count = count
        self._known = position  # the last seq that is known to be stored
        self._early: dict[int, bytes] = {}
        self._gap: asyncio.TimerHandle | None = None
        self._repair: asyncio.Task[None] | None = None
        self._catching: dict[Subscriber, asyncio.Task[None]] = {}
        self._company = Coalescer(company_seconds, self._write)  # holds entries right behind the position

    # Positions

    @property
    def accepted(self) -> int:
        """The last seq that is written or about to be."""
        return self.position + len(self._company.held)

    def offer(self, epoch: str, first: int, entries: Sequence[bytes]) -> None:
        """Take entries first, first+1, … of `epoch` from anywhere; what was seen is dropped."""
        if epoch != self.epoch:
            return  # of a history that was replaced; the heads poll settles which one is true
        if first > self.accepted + 1:
            self._keep(first, entries)
            return
        fresh = entries[self.accepted + 1 - first :]
        if fresh:
            self._company.add(fresh)
            self._take_early()

    def head_is(self, head: int) -> None:
        """The log has entries up to `head`: read what this feed has not seen."""
        self._known = max(self._known, head)
        if head > self.accepted:
            self._start_repair()

    # Subscribers

    def attach(self, subscriber: Subscriber, position: int, asked: Asked | None = None) -> None:
        """Add a socket that was given everything up to `position`, and may have asked for more.

        Its own way of reading is for what was there before it came; what came since is brought to it as to all.
        """
        self.detach(subscriber)
        if asked is not None and position < asked.upto:
            self._asked[subscriber] = asked
        self._company.release()
        if position == self.position and subscriber.is_writable:
            self.live.add(subscriber)
            return
        self.behind[subscriber] = position
        if position > self.position:
            self.head_is(position)
        elif position < self.position:
            self._start_catching(subscriber)

    def detach(self, subscriber: Subscriber) -> None:
        """Forget a socket; harmless when it is not there."""
        self.live.discard(subscriber)
        self.behind.pop(subscriber, None)
        self._asked.pop(subscriber, None)
        if task := self._catching.pop(subscriber, None):
            task.cancel()

    def position_of(self, subscriber: Subscriber) -> int:
        """Return the last seq written to a socket."""
        return self.behind.get(subscriber, self.position)

    @property
    def subscribers(self) -> list[Subscriber]:
        """Every socket of this room in this process."""
        return [*self.live, *self.behind]

    def resumed(self, subscriber: Subscriber) -> None:
        """A slow socket drained: bring it up from where it stands."""
        if subscriber in self.behind and subscriber not in self._catching:
            self._start_catching(subscriber)

    def close(self) -> None:
        """Stop every task of this feed."""
        self._company.close()
        if self._gap is not None:
            self._gap.cancel()
        for task in [*self._catching.values(), *([self._repair] if self._repair else [])]:
            task.cancel()

    # Inside

    def _write(self, entries: Sequence[bytes]) -> None:
        """Write the next entries to whoever stands right before them."""
        start = self.position
        for frame in self._source.frames(self.room, self.name, self.epoch, start, entries):
            self._set_slow_aside()
            self.position += frame.entries
            for subscriber in self.live:
                subscriber.write(frame)
            self._count("deliveries", frame.entries * len(self.live))
        if self.behind:
            self._take_along(start, entries)

    def _set_slow_aside(self) -> None:
        """Stop writing to sockets whose buffer is full: they cost no memory, and catch up from the log."""
        for subscriber in [subscriber for subscriber in self.live if not subscriber.is_writable]:
            self.live.discard(subscriber)
            self.behind[subscriber] = self.position
            self._count("slow", 1)

    def _take_along(self, start: int, entries: Sequence[bytes]) -> None:
        """Make those live who joined ahead of this feed, inside the entries that it now passed."""
        for subscriber, position in list(self.behind.items()):
            if start < position <= self.position and subscriber not in self._catching:
                self._bring(subscriber, entries[position - start :])

    def _bring(self, subscriber: Subscriber, entries: Sequence[bytes]) -> None:
        """Write the entries that follow a subscriber's position, as far as it reads; live where that is all."""
        for frame in self._source.frames(self.room, self.name, self.epoch, self.behind[subscriber], entries):
            if not subscriber.is_writable:
                return
            subscriber.write(frame)
            self.behind[subscriber] += frame.entries
        if subscriber.is_writable and self.behind[subscriber] == self.position:
            del self.behind[subscriber]
            self.live.add(subscriber)

    def _keep(self, first: int, entries: Sequence[bytes]) -> None:
        self._known = max(self._known, first + len(entries) - 1)
        if len(self._early) < EARLY_ENTRIES:
            self._early.update((first + index, entry) for index, entry in enumerate(entries))
        if self._gap is None and self._repair is None:
            self._gap = asyncio.get_running_loop().call_later(GAP_SECONDS, self._start_repair)

    def _take_early(self) -> None:
        """Continue with entries that came before their turn."""
        run: list[bytes] = []
        while (entry := self._early.pop(self.accepted + 1 + len(run), None)) is not None:
            run.append(entry)
        if run:
            self._company.add(run)
        for seq in [seq for seq in self._early if seq <= self.accepted]:
            del self._early[seq]
        if not self._early and self._gap is not None:
            self._gap.cancel()
            self._gap = None
        elif self._early and self._gap is None and self._repair is None:
            self._gap = asyncio.get_running_loop().call_later(GAP_SECONDS, self._start_repair)

    def _start_repair(self) -> None:
        if self._gap is not None:
            self._gap.cancel()
            self._gap = None
        if self._repair is None:
            self._repair = asyncio.get_running_loop().create_task(self._read_missing())

    async def _read_missing(self) -> None:
        """Read from the log what the layer did not bring, all gaps at once."""
        try:
            # What becomes known while a read is under way may not be in its answer: read again.
            while self.accepted < self._known:
                after, known = self.accepted, self._known
                entries = await self._source.read(self.room, self.epoch, after, READ_ENTRIES)
                repaired = after + len(entries) - self.accepted
                if repaired > 0:
                    self._count("repaired", repaired)
                self.offer(self.epoch, after + 1, entries)
                if not entries and self.accepted == after:
                    self._forget_unknown(known)
        except LogUnavailableError:
            log.warning("room %s: the log cannot be read; the next poll tries again", self.room)
        finally:
            self._repair = None

    def _forget_unknown(self, known: int) -> None:
        """The log has nothing more, whatever was told: leave it to the heads poll, which finds a replaced history."""
        if self._known == known:
            self._known = self.accepted
            self._early.clear()

    def _start_catching(self, subscriber: Subscriber) -> None:
        self._catching[subscriber] = asyncio.get_running_loop().create_task(self._catch_up(subscriber))

    def _reading(self, subscriber: Subscriber, after: int) -> Callable[..., Awaitable[Sequence[bytes]]]:
        asked = self._asked.get(subscriber)
        if asked is not None and after < asked.upto:
            return asked.read
        self._asked.pop(subscriber, None)
        return self._source.read

    async def _catch_up(self, subscriber: Subscriber) -> None:
        """Bring one socket from its own position to the feed's, as fast as it reads."""
        empty = 0
        try:
            while subscriber.is_writable and (after := self.behind[subscriber]) < self.position:
                entries: Sequence[bytes] = []
                with contextlib.suppress(LogUnavailableError):
                    read = self._reading(subscriber, after)
                    entries = await read(self.room, self.epoch, after, READ_ENTRIES)
                    empty = 0 if entries else empty + 1
                if empty == EMPTY_READS:  # what follows is not kept: only a join can say that this is not the whole
                    subscriber.restart()
                    return
                if not entries:  # of a history that was replaced there are none: the heads poll ends this
                    await asyncio.sleep(RETRY_SECONDS)
                # What is beyond the feed comes live.
                self._bring(subscriber, entries[: self.position - after])
                if subscriber in self.live:
                    return
            if subscriber.is_writable and self.behind[subscriber] == self.position:
                self._bring(subscriber, [])
        except Exception:
            log.exception("room %s: a socket could not catch up, it joins again", self.room)
            subscriber.restart()
        finally:
            if self._catching.get(subscriber) is asyncio.current_task():
                del self._catching[subscriber]
