"""One per process: its feeds, and its one channel on the channel layer.

Nothing a member waits for awaits the layer: groups are joined in the background, publishing is the publisher's task,
and the heads poll carries a room whose group is not joined yet, or whose layer is away.
"""

import asyncio
import contextlib
import logging
import secrets
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, NamedTuple, Protocol

from parley_serving.cancellation import end
from realtime import feed as feeds
from realtime.coalescer import COALESCE_SECONDS
from realtime.feed import Feed, LogUnavailableError
from realtime.layer_health import LayerHealth
from realtime.publisher import Publisher

log = logging.getLogger(__name__)

POLL_SECONDS = 2.0  # how late what the layer lost may come
POLL_UNWELL_SECONDS = 0.25  # the same while the layer is unwell: then the poll is what delivers
REBUILD_SECONDS = 1.0  # between two tries to get a channel, or to join groups
GONE_SECONDS = 3.0  # how long a room may be missing before its sockets are made to join again
LINGER_SECONDS = 5.0  # an empty room's feed is kept this long: a reload comes back to it


class Head(NamedTuple):
    """Where a room's log ends."""

    epoch: str
    seq: int


class Log(feeds.Source, Protocol):
    """The durable log behind a hub."""

    async def heads(self, rooms: Collection[int]) -> Mapping[int, Head]:
        """Return the heads of those rooms that still exist; raise LogUnavailableError."""

    async def renew(self, room: int, epoch: str, below: int) -> None:
        """Give the room a new epoch if it still has `epoch` and its head is under `below`."""


def group_of(room: int) -> str:
    """Name a room's group: ASCII whatever the room's own name is (pitfalls C18)."""
    return f"room.{room}"


class Hub:
    """Runs feeds over a channel layer (or none) and a log."""

    def __init__(self, *, layer: Any, source: Log, count: Callable[[str, int], None], instances: int = 1) -> None:
        self.id = secrets.token_hex(8)
        self.feeds: dict[int, Feed] = {}
        self.handlers: dict[str, Callable[[dict[str, Any]], None]] = {
            "entries": self._on_entries,
            "probe": lambda message: self.health.received(message["number"]),
        }
        self.groups: set[str] = set()  # wanted besides the rooms'
        self._layer = layer
        self._source = source
        self._count = count
        self._channel: str | None = None
        self._has_channel = asyncio.Event()
        self.joined: set[str] = set()
        self._reconcile = asyncio.Event()
        self._poll_now = asyncio.Event()
        self._check: set[int] = set()
        self._gone: dict[int, float] = {}  # rooms that the log does not have any more, and since when
        self.publisher = Publisher(layer=layer, sender=self.id, count=count, instances=instances)
        # What was lost before the layer turned unwell, or until it was well again, is fetched at once.
        self.health = LayerHealth(layer=layer, changed=lambda _: self._check_now(*self.feeds))
        self._tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        """Start the tasks; the layer may be away, they try until it is there."""
        create = asyncio.get_running_loop().create_task
        self._tasks = [create(self._poll())]
        if self._layer is not None:
            runs = (self._receive(), self._join_groups(), self.publisher.run(), self.health.run(self._own_channel))
            self._tasks += [create(run) for run in runs]

    async def stop(self) -> None:
        """Stop every task."""
        for feed in self.feeds.values():
            feed.close()
        await end(self._tasks)

    # Rooms

    def feed(self, *, room: int, name: str, head: Head) -> Feed:
        """Return the room's feed in this process, for a reader who just read the log up to `head`."""
        feed = self.feeds.get(room)
        if feed is not None and (feed.epoch, feed.name) != (head.epoch, name):
            self._start_over(feed)
            feed = None
        if feed is None:
            feed = self.feeds[room] = Feed(
                room=room,
                name=name,
                epoch=head.epoch,
                position=head.seq,
                source=self._source,
                count=self._count,
                company_seconds=COALESCE_SECONDS,
            )
            self._reconcile.set()
            self._check_now(room)  # what was stored between that reading and this line
        else:
            feed.head_is(head.seq)
        return feed

    def left(self, feed: Feed) -> None:
        """A socket left: let the feed go when nobody comes back."""
        if not feed.live and not feed.behind:
            asyncio.get_running_loop().call_later(LINGER_SECONDS, self._drop_empty, feed)

    def committed(self, *, room: int, epoch: str, first: int, entries: Sequence[bytes]) -> None:
        """Deliver what this process just stored: here at once, elsewhere by the layer."""
        if feed := self.feeds.get(room):
            feed.offer(epoch, first, entries)
        self.publisher.put_entries(group=group_of(room), room=room, epoch=epoch, first=first, entries=entries)

    def _drop_empty(self, feed: Feed) -> None:
        if not feed.live and not feed.behind and self.feeds.get(feed.room) is feed:
            del self.feeds[feed.room]
            feed.close()
            self._reconcile.set()

    # The layer

    def _on_entries(self, message: dict[str, Any]) -> None:
        if feed := self.feeds.get(message["room"]):
            feed.offer(message["epoch"], message["first"], message["entries"])

    async def _receive(self) -> None:
        """Take messages for ever; build a new channel when this one ends.

        `receive` is never wrapped in a timeout: a cancelled one deletes the channel, and the groups go on listing
        a hub that is deaf (pitfalls L5).
        """
        while True:
            try:
                self._channel = await self._layer.new_channel()
                self._has_channel.set()
                self.joined = set()
                self._reconcile.set()
                while True:
                    self._dispatch(await self._layer.receive(self._channel))
            except Exception as error:  # noqa: BLE001 (any layer, any client library: a hub that ended is rebuilt)
                log.warning("the hub stopped and is restarted: %r", error)
                await self._abandon()
                await asyncio.sleep(REBUILD_SECONDS)

    async def _own_channel(self) -> str:
        await self._has_channel.wait()
        return str(self._channel)

    async def _abandon(self) -> None:
        """Take the old channel out of its groups: the layer would go on filling it, and nobody reads."""
        channel, self._channel = self._channel, None
        self._has_channel.clear()
        groups, self.joined = self.joined, set()
        if channel is not None:
            with contextlib.suppress(Exception):
                async with asyncio.timeout(REBUILD_SECONDS):
                    for group in groups:
                        await self._layer.group_discard(group, channel)

    def _dispatch(self, message: dict[str, Any]) -> None:
        """Hand one message on; one that this release does not know, or cannot read, is dropped (pitfalls B2)."""
        try:
            handler = self.handlers.get(message.get("type", ""))
            if handler is not None and message.get("from") != self.id:
                handler(message)
        except Exception as error:  # noqa: BLE001 (what one message does must not end the hub of all rooms)
            log.warning("unknown message on the channel layer dropped: %r", error)

    async def _join_groups(self) -> None:
        """Keep the groups joined that this process serves, and only those."""
        while True:
            await self._reconcile.wait()
            self._reconcile.clear()
            wanted = {group_of(room) for room in self.feeds} | self.groups
            try:
                for group in wanted - self.joined:
                    if (channel := self._channel) is None:
                        break
                    await self._layer.group_add(group, channel)
                    if channel == self._channel:
                        self.joined.add(group)
                    else:  # abandoned meanwhile: it is in a group again that nobody reads it for
                        await self._layer.group_discard(group, channel)
                    # What was published before the group was joined is in the log.
                    self._check_now(*(room for room in self.feeds if group_of(room) == group))
                for group in self.joined - wanted:
                    self.joined.discard(group)
                    await self._layer.group_discard(group, self._channel)
            except Exception as error:  # noqa: BLE001 (any layer, any client library: tried again, the poll carries)
                log.debug("joining groups failed: %r", error)
                await asyncio.sleep(REBUILD_SECONDS)
                self._reconcile.set()

    # The log

    def _check_now(self, *rooms: int) -> None:
        self._check.update(rooms)
        self._poll_now.set()

    async def _poll(self) -> None:
        """Ask the log where it ends: all active rooms when it is time, rooms that ask for it at once."""
        clock = asyncio.get_running_loop().time
        polled = clock()
        while True:
            # Counted from the last full poll: rooms that ask for one at once must not put off all others for ever.
            interval = POLL_SECONDS if self.health.is_well else POLL_UNWELL_SECONDS
            with contextlib.suppress(TimeoutError):
                # Not wait_for: Python 3.11's swallows a cancellation that meets the event, and a drain never ends.
                async with asyncio.timeout_at(polled + interval):
                    await self._poll_now.wait()
            is_time = clock() >= polled + interval
            self._poll_now.clear()
            rooms, self._check = set(self.feeds) if is_time else self._check & self.feeds.keys(), set()
            if rooms:
                await self._compare(rooms)
            if is_time:
                polled = clock()

    async def _compare(self, rooms: Collection[int]) -> None:
        # Positions are noted before the log is read: a head under a position noted before is truly under it.
        seen = {room: (self.feeds[room].epoch, self.feeds[room].position) for room in rooms}
        try:
            heads = await self._source.heads(seen)
            for room, (epoch, position) in seen.items():
                head = heads.get(room)
                if self._is_just_gone(room, head):
                    continue
                if head and head.epoch == epoch and head.seq < position:
                    await self._source.renew(room, epoch, position)
                if feed := self.feeds.get(room):
                    self._settle(feed, head if head is None or head.seq >= position else None, epoch)
        except LogUnavailableError:
            self._count("polls_failed", 1)
            log.warning("the database does not answer; polling again")
        except Exception:
            log.exception("the poll failed; polling again")  # without the poll, what the layer loses stays lost

    def _is_just_gone(self, room: int, head: Head | None) -> bool:
        """Leave whoever ended a room the time to tell its sockets; only then make them find out by themselves."""
        if head is not None:
            self._gone.pop(room, None)
            return False
        now = asyncio.get_running_loop().time()
        return now < self._gone.setdefault(room, now) + GONE_SECONDS

    def _settle(self, feed: Feed, head: Head | None, epoch: str) -> None:
        """Bring a feed up to its head; where the history was replaced or the room is gone, start over."""
        if head is not None and head.epoch == epoch == feed.epoch:
            feed.head_is(head.seq)
        elif feed.epoch == epoch:
            self._start_over(feed)

    def _start_over(self, feed: Feed) -> None:
        log.warning("room %s: its history or its address was replaced, its sockets join again", feed.room)
        self._gone.pop(feed.room, None)
        if self.feeds.get(feed.room) is feed:
            del self.feeds[feed.room]
        for subscriber in feed.subscribers:
            subscriber.restart()
        feed.close()
        self._reconcile.set()
