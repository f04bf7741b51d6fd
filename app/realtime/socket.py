"""One websocket of this process, and the register of all of them."""

import asyncio
from collections.abc import Iterator
from typing import TYPE_CHECKING

from realtime.frame import Frame
from realtime.outlet import Outlet

if TYPE_CHECKING:
    from realtime.feed import Feed

RESTART = 1012  # reconnect now and resume
TOO_SLOW = 4408
STUCK_SECONDS = 20.0  # a phone in a tunnel comes back sooner; behind nginx its send_timeout is longer
ABORT_SECONDS = 5.0  # how long a closed peer may take to answer before the connection is dropped


class Socket:
    """A subscriber of feeds: writes frames, knows the rooms it reads, and closes once."""

    __slots__ = ("closing", "feeds", "outlet", "person", "stuck_since")

    def __init__(self, outlet: Outlet) -> None:
        self.outlet = outlet
        self.person = 0  # whose it is, once known
        self.feeds: dict[str, Feed] = {}
        self.closing: int | None = None
        self.stuck_since: float | None = None
        outlet.on_writable = self._resumed

    @property
    def is_writable(self) -> bool:
        """False while the peer reads too slowly."""
        return self.outlet.is_writable

    def write(self, frame: Frame) -> None:
        """Put a frame on its way, unless the socket is closing."""
        if self.closing is None:
            self.outlet.write(frame)

    def restart(self) -> None:
        """Make the client connect again and resume."""
        self.close(RESTART)

    def close(self, code: int, reason: str = "") -> None:
        """Close with `code`, once; a peer that does not answer is dropped."""
        if self.closing is None:
            self.closing = code
            self.outlet.close(code, reason)
            asyncio.get_running_loop().call_later(ABORT_SECONDS, self.outlet.abort)

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

    def _resumed(self) -> None:
        for feed in self.feeds.values():
            feed.resumed(self)


class Sockets:
    """Every socket of this process."""

    def __init__(self) -> None:
        self._sockets: dict[Socket, None] = {}  # ordered: a drain starts with the oldest
        self._empty = asyncio.Event()
        self._empty.set()

    def __iter__(self) -> Iterator[Socket]:
        return iter(list(self._sockets))

    def __len__(self) -> int:
        return len(self._sockets)

    def __contains__(self, socket: Socket) -> bool:
        return socket in self._sockets

    def add(self, socket: Socket) -> None:
        """Count a socket from its accept on."""
        self._sockets[socket] = None
        self._empty.clear()

    def discard(self, socket: Socket) -> None:
        """Count it no more; harmless when it is not there."""
        self._sockets.pop(socket, None)
        if not self._sockets:
            self._empty.set()

    async def wait_empty(self) -> None:
        """Wait until the last one has gone."""
        await self._empty.wait()
