"""One websocket of this process, and the register of all of them."""

import asyncio
from collections import Counter
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from parley_serving.protocol import RESTART
from realtime.frame import Frame
from realtime.socket_writer import SocketWriter

if TYPE_CHECKING:
    from realtime.feed import Feed

TOO_SLOW = 4408
STUCK_SECONDS = 20.0  # a phone in a tunnel comes back sooner; behind nginx its send_timeout is longer
ABORT_SECONDS = 5.0  # how long a closed peer may take to answer before the connection is dropped


class Socket:
    """A subscriber of feeds: writes frames, knows the rooms it reads, and closes once."""

    __slots__ = ("address", "closing", "feeds", "is_writable", "person", "stuck_since", "write", "writer")

    def __init__(self, writer: SocketWriter) -> None:
        self.writer = writer
        # Attributes, not methods: a feed reads both for each socket and frame.
        self.write: Callable[[Frame], None] = writer.write
        self.is_writable = writer.is_writable
        self.person = 0  # whose it is, once known
        self.address = ""
        self.feeds: dict[str, Feed] = {}
        self.closing: int | None = None
        self.stuck_since: float | None = None
        writer.on_full, writer.on_writable, writer.on_end = self._filled, self._resumed, self._ended

    def restart(self) -> None:
        """Make the client connect again and resume."""
        self.close(RESTART)

    def close(self, code: int, reason: str = "") -> None:
        """Close with `code`, once; a peer that does not answer is dropped."""
        if self.closing is None:
            self.closing = code
            self._ended()
            self.writer.close(code, reason)
            asyncio.get_running_loop().call_later(ABORT_SECONDS, self.writer.abort)

    def check_stuck(self, now: float) -> bool:
        """Close a peer that has not read for STUCK_SECONDS; say whether that happened."""
        if self.is_writable:
            self.stuck_since = None
        elif self.stuck_since is None:
            self.stuck_since = now
        elif now - self.stuck_since > STUCK_SECONDS and self.closing is None:
            self.close(TOO_SLOW)
            return True
        return False

    def _ended(self) -> None:
        """Write nothing from now on: it may be long before the consumer hears of the end and leaves its rooms."""
        self.write = _discard

    def _filled(self) -> None:
        self.is_writable = False

    def _resumed(self) -> None:
        self.is_writable = True
        for feed in self.feeds.values():
            feed.resumed(self)


def _discard(frame: Frame) -> None:
    """Take the place of a closed socket's write."""


class Sockets:
    """Every socket of this process, and how many it may be; 0 is no limit."""

    def __init__(self, *, most: int = 0, per_person: int = 0, per_address: int = 0) -> None:
        self.most = most
        self.per_person = per_person
        self.per_address = per_address
        self._persons: Counter[int] = Counter()
        self._addresses: Counter[str] = Counter()
        self._sockets: dict[Socket, None] = {}  # ordered: a drain starts with the oldest

    def __iter__(self) -> Iterator[Socket]:
        return iter(list(self._sockets))

    def __len__(self) -> int:
        return len(self._sockets)

    def __contains__(self, socket: Socket) -> bool:
        return socket in self._sockets

    def are_full(self, *, person: int, address: str) -> bool:
        """Say whether one more of this person, from this address, would be too many here."""
        return (
            0 < self.most <= len(self._sockets)
            or 0 < self.per_person <= self._persons[person]
            or 0 < self.per_address <= self._addresses[address]
        )

    def add(self, socket: Socket) -> None:
        """Count a socket from its accept on."""
        self._sockets[socket] = None
        self._persons[socket.person] += 1
        self._addresses[socket.address] += 1

    def change(self, socket: Socket, *, person: int) -> None:
        """Count a socket under another person."""
        if socket in self._sockets:
            self._uncount(self._persons, socket.person)
            self._persons[person] += 1
        socket.person = person

    def discard(self, socket: Socket) -> None:
        """Count it no more; harmless when it is not there."""
        if socket in self._sockets:
            del self._sockets[socket]
            self._uncount(self._persons, socket.person)
            self._uncount(self._addresses, socket.address)

    @staticmethod
    def _uncount(counter: Counter[Any], key: object) -> None:
        counter[key] -= 1
        if not counter[key]:
            del counter[key]
