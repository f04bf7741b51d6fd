"""What one process runs for all its sockets: the hub, presence, the sweep of stuck sockets, and the drain."""

import asyncio
import math
import time
from collections.abc import Callable, Collection, Coroutine, Iterable, Mapping
from typing import Any

from parley_serving import metrics
from parley_serving.application import register
from parley_serving.cancellation import end
from parley_serving.protocol import PreparedProtocol
from realtime.feed import Feed
from realtime.frame import Frame
from realtime.hub import Hub, Log, group_of
from realtime.presence import Presence
from realtime.socket import Socket, Sockets
from realtime.socket_writer import PreparedSocketWriter

SWEEP_SECONDS = 1.0

# Of a room: its name, how many people, who came, who went, and the ids of those who are guests.
PresenceFrame = Callable[[str, int, Mapping[int, str], Mapping[int, str], Collection[int]], Frame]


class Process:
    """Everything that exists once per process and loop."""

    def __init__(
        self,
        *,
        sockets: Sockets,
        layer: Any,
        source: Log,
        presence_frame: PresenceFrame,
        drain_frame: Callable[[int], Frame],
        closed: Callable[[], Coroutine[Any, Any, None]],
        instances: int = 1,
    ) -> None:
        self.sockets = sockets
        self.is_draining = False
        self.has_layer = layer is not None
        self.hub = Hub(layer=layer, source=source, count=metrics.count, instances=instances)
        self.presence = Presence(
            publish=self._publish_presence,
            tell=self._tell_presence,
            is_well=lambda: self.hub.health.is_well or not self.has_layer,
            serves=lambda room: room in self.hub.feeds,
            hears=lambda room: group_of(room) in self.hub.joined,
        )
        self.hub.handlers["presence"] = self.presence.received
        self._presence_frame = presence_frame
        self._drain_frame = drain_frame
        self._closed = closed
        self._tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        """Start everything on the running loop."""
        register(self)
        loop = asyncio.get_running_loop()
        self.hub.start()
        runs: tuple[Coroutine[Any, Any, None], ...] = (self.presence.run(), self._sweep())
        self._tasks = [loop.create_task(run) for run in runs]
        self._show()

    def _show(self) -> None:
        feeds = self.hub.feeds
        metrics.show("sockets", lambda: len(self.sockets))
        metrics.show("subscriptions", lambda: sum(len(feed.subscribers) for feed in feeds.values()))
        metrics.show("behind", lambda: sum(len(feed.behind) for feed in feeds.values()))
        metrics.show("feeds", lambda: len(feeds))
        metrics.show("groups", lambda: len(self.hub.joined))
        metrics.show("people", lambda: self.presence.people)
        metrics.show("layer_well", lambda: float(self.hub.health.is_well))

    async def layer(self) -> str:
        """Return the channel layer's word for /readyz.

        The first probe after a start is waited for, a second at most: until it is back nobody knows.
        """
        if not self.has_layer:
            return "none"
        await self.hub.health.is_known.wait()
        return "ok" if self.hub.health.is_well else "down"

    async def stop(self) -> None:
        """Stop everything."""
        await end(self._tasks)
        await self.hub.stop()
        await self._closed()

    def tell(self, connections: Iterable[PreparedProtocol], seconds: float) -> list[PreparedProtocol]:
        """Tell those that have a socket here to come back within so many seconds; return the others."""
        frame = self._drain_frame(math.ceil(seconds * 1000))
        mine, others = self._of(connections)
        for socket in mine:
            socket.write(frame)
        return others

    def close(self, connections: Iterable[PreparedProtocol]) -> list[PreparedProtocol]:
        """Close those that have a socket here with 1012; return the others."""
        mine, others = self._of(connections)
        for socket in mine:
            socket.restart()
        return others

    def _of(self, connections: Iterable[PreparedProtocol]) -> tuple[list[Socket], list[PreparedProtocol]]:
        known = {one.writer.protocol: one for one in self.sockets if isinstance(one.writer, PreparedSocketWriter)}
        asked = list(connections)
        return [known[one] for one in asked if one in known], [one for one in asked if one not in known]

    def sockets_in(self, feed: Feed) -> list[Socket]:
        """Return the sockets of this process that read a room."""
        return [subscriber for subscriber in feed.subscribers if isinstance(subscriber, Socket)]

    async def _sweep(self) -> None:
        """Close the sockets that read nothing for too long: one timer for all of them (pitfalls G14)."""
        while True:
            await asyncio.sleep(SWEEP_SECONDS)
            now = time.monotonic()
            metrics.count("stuck", sum(socket.check_stuck(now) for socket in self.sockets))

    def _publish_presence(self, room: int, **fields: Any) -> bool:
        put = self.hub.publisher.put_signal
        return put(group=group_of(room), key="presence", kind="presence", room=room, **fields)

    def _tell_presence(self, room: int, count: int, joined: Mapping[int, str], left: Mapping[int, str]) -> None:
        if feed := self.hub.feeds.get(room):
            frame = self._presence_frame(feed.name, count, joined, left, self.presence.guests(room))
            for socket in self.sockets_in(feed):
                if socket.is_writable:
                    socket.write(frame)
