"""A log in memory with gates, and sockets that record: interleavings are chosen by a test, never by time."""

import asyncio
from collections import Counter
from collections.abc import Collection, Mapping, Sequence

from realtime.feed import Feed, LogUnavailableError
from realtime.frame import Frame
from realtime.hub import Head

EPOCH = "first"
FRAME_ENTRIES = 3  # small, so that most writes are several frames


def entry(seq: int, epoch: str = EPOCH) -> bytes:
    """What entry `seq` of a history looks like."""
    return f"{epoch}:{seq}".encode()


def entries(first: int, last: int, epoch: str = EPOCH) -> list[bytes]:
    """Entries first…last."""
    return [entry(seq, epoch) for seq in range(first, last + 1)]


class MemoryLog:
    """Rooms' logs; `gate` holds back answers, which are as of the question."""

    def __init__(self) -> None:
        self.rooms: dict[int, Head] = {}
        self.reads: list[tuple[int, int]] = []
        self.polls: list[set[int]] = []
        self.asked = 0  # questions under way
        self.is_down = False
        self.gate = asyncio.Event()
        self.gate.set()
        self.counted: Counter[str] = Counter()

    def append(self, number: int = 1, room: int = 1) -> tuple[int, list[bytes]]:
        """Store entries, and return the first seq and them."""
        epoch, head = self.rooms.get(room, Head(EPOCH, 0))
        self.rooms[room] = Head(epoch, head + number)
        return head + 1, entries(head + 1, head + number, epoch)

    def head(self, room: int = 1) -> int:
        """Where a room's log ends."""
        return self.rooms.get(room, Head(EPOCH, 0)).seq

    def count(self, name: str, number: int) -> None:
        """Take what a feed counts."""
        self.counted[name] += number

    # What a feed and a hub ask

    async def read(self, room: int, epoch: str, after: int, limit: int) -> Sequence[bytes]:
        self.reads.append((room, after))
        found = self._entries(room, epoch, after, limit)
        await self._answer()
        return found

    async def heads(self, rooms: Collection[int]) -> Mapping[int, Head]:
        self.polls.append(set(rooms))
        found = {room: self.rooms[room] for room in rooms if room in self.rooms}
        await self._answer()
        return found

    async def renew(self, room: int, epoch: str, below: int) -> None:
        await self._answer()
        if (head := self.rooms.get(room)) and head.epoch == epoch and head.seq < below:
            self.rooms[room] = Head(f"{epoch}+", head.seq)

    def frames(self, room: int, name: str, epoch: str, after: int, entries: Sequence[bytes]) -> list[Frame]:  # noqa: ARG002 (a feed's)
        return [
            Frame(b" ".join(part), len(part))
            for part in (entries[start : start + FRAME_ENTRIES] for start in range(0, len(entries), FRAME_ENTRIES))
        ]

    def _entries(self, room: int, epoch: str, after: int, limit: int) -> list[bytes]:
        head = self.rooms.get(room, Head("", 0))
        return entries(after + 1, min(head.seq, after + limit), epoch) if head.epoch == epoch else []

    async def _answer(self) -> None:
        self.asked += 1
        try:
            await self.gate.wait()
            await asyncio.sleep(0)
        finally:
            self.asked -= 1
        if self.is_down:
            raise LogUnavailableError


class Reader:
    """A socket that takes `room` frames and then is full until it is drained."""

    def __init__(self, capacity: int = 1_000_000) -> None:
        self.capacity = capacity
        self.buffered = 0
        self.written: list[bytes] = []
        self.restarted = 0
        self.while_full = 0

    @property
    def is_writable(self) -> bool:
        return self.buffered < self.capacity

    def write(self, frame: Frame) -> None:
        self.while_full += not self.is_writable
        self.buffered += 1
        self.written += frame.payload.split(b" ")

    def restart(self) -> None:
        self.restarted += 1

    def drain(self, feed: Feed, capacity: int | None = None) -> None:
        """The peer read everything; the transport says so."""
        was_full = not self.is_writable
        self.capacity, self.buffered = capacity or self.capacity, 0
        if was_full:
            feed.resumed(self)

    @property
    def seqs(self) -> list[int]:
        """The numbers of what was written."""
        return [int(entry.partition(b":")[2]) for entry in self.written]


def feed_on(log: MemoryLog, position: int = 0) -> Feed:
    """A feed of room 1."""
    return Feed(room=1, name="lobby", epoch=EPOCH, position=position, source=log, count=log.count)


def offer(feed: Feed, first: int, last: int, epoch: str = EPOCH) -> None:
    """Bring entries first…last to a feed."""
    feed.offer(epoch, first, entries(first, last, epoch))
