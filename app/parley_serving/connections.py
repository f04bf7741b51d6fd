"""The WebSocket connections of one server: those whose application drains its own sockets, and all others."""

import asyncio
from collections.abc import Callable, Iterable, Iterator

from uvicorn.server import ServerState

from parley_serving import application
from parley_serving.drain import BATCH_SECONDS
from parley_serving.protocol import RESTART, PreparedProtocol

HURRY_SECONDS = 2 * BATCH_SECONDS  # for who is told in the last moment: to connect again, and to close


class Connections:
    """What a drain asks of uvicorn's set."""

    def __init__(self, state: ServerState) -> None:
        self._state = state

    def all(self) -> list[PreparedProtocol]:
        """Return them; a handshake that goes on is one."""
        return [one for one in self._state.connections if isinstance(one, PreparedProtocol)]

    def open(self, which: Callable[[PreparedProtocol], bool] = lambda _: True) -> list[PreparedProtocol]:
        """Return those that can still be told something, the oldest first."""
        return sorted(filter(which, self._open()), key=lambda one: one.since)

    def are_gone(self) -> bool:
        """Tell whether there are none; asked often, and mostly answered by the first one."""
        return not any(isinstance(one, PreparedProtocol) for one in self._state.connections)

    def are_closed(self, which: Callable[[PreparedProtocol], bool]) -> bool:
        """Tell whether none of these is open any more."""
        return not any(map(which, self._open()))

    def _open(self) -> Iterator[PreparedProtocol]:
        for one in self._state.connections:
            if isinstance(one, PreparedProtocol) and one.is_open and not one.close_sent:
                yield one

    def tell(self, batch: list[PreparedProtocol], seconds: float) -> None:
        """Drain a batch within so many seconds: our clients are told to come back, stock ones are closed with 1012.

        Each of these at a moment of its own, as the clients choose theirs.
        """
        loop = asyncio.get_running_loop()
        for one in batch:
            one.told = loop.time()
        running = application.running()
        others = batch if running is None else running.tell(batch, seconds)
        for number, one in enumerate(others):
            loop.call_later(seconds * number / len(others), _close, one)

    def hurry(self, which: Callable[[PreparedProtocol], bool] = lambda _: True) -> None:
        """Drain who came when the window was over, and close who was told and is still there.

        A handshake may take as long as a window on a machine that is busy, and its client is asked like all others.
        """
        found = self.open(which)
        before = asyncio.get_running_loop().time() - HURRY_SECONDS
        self.close(one for one in found if one.told and one.told <= before)
        if new := [one for one in found if not one.told]:
            self.tell(new, BATCH_SECONDS)

    def close(self, which: Iterable[PreparedProtocol]) -> int:
        """Close with 1012, at once; return how many."""
        left = list(which)
        running = application.running() if left else None
        for one in left if running is None else running.close(left):
            _close(one)
        return len(left)


def _close(connection: PreparedProtocol) -> None:
    """Close what no application of ours knows: of a stock consumer, or accepted just now."""
    if connection.is_open and not connection.close_sent:
        connection.close(RESTART)
        # What the consumer sends from now on ends it quietly, as with a peer that went away.
        connection.disconnected = True
