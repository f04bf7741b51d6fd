"""What runs once per process: the log, and the realtime process over it."""

import asyncio
import weakref
from collections.abc import Callable, Mapping
from contextvars import Context
from typing import Any, ParamSpec, TypeVar

from channels.layers import get_channel_layer
from django.conf import settings

from accounts.authentication import people_of
from chat import limits
from chat.frames import message, people
from chat.log import Batched, Commit, DatabaseThread, Log, Unavailable
from chat.watch import Watch
from realtime.bucket import Buckets
from realtime.ending import end
from realtime.feed import Feed
from realtime.frame import Frame
from realtime.hub import group_of
from realtime.process import Process
from realtime.socket import Sockets

P = ParamSpec("P")
T = TypeVar("T")

_runtimes: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, "Runtime"] = weakref.WeakKeyDictionary()


class Runtime:
    """The log and the process of one event loop."""

    def __init__(self) -> None:
        self.log = Log(self._committed)
        self._passwords = DatabaseThread("passwords")
        self._arrivals = DatabaseThread("arrivals")
        self.people = Batched(self._arrivals, people_of)  # by session key
        self._logins = 0
        self.buckets = Buckets(
            rate=settings.FRAMES_PER_SECOND * limits.PERSON_TIMES, burst=settings.BURST * limits.PERSON_TIMES
        )
        self.process = Process(
            sockets=Sockets(
                most=settings.SOCKETS,
                per_person=settings.SOCKETS_PER_USER,
                per_address=settings.SOCKETS_PER_ADDRESS,
            ),
            layer=get_channel_layer(),
            source=self.log,
            presence_frame=_presence,
            drain_frame=_drain,
            closed=self._close,
            instances=settings.INSTANCES,
        )
        self.watch = Watch(self.log, self.process.presence.rename)
        self.process.hub.handlers["typing"] = self._typing_elsewhere

    def start(self) -> None:
        """Start everything on the running loop."""
        self.process.start()
        self._watching = asyncio.get_running_loop().create_task(self.watch.run())

    async def stop(self) -> None:
        """Stop everything; what is queued is stored first."""
        await self.process.stop()

    async def credentials(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Check a password, or open or end a session, on a thread of its own: hashing takes a third of a second."""
        if self._logins >= limits.LOGINS_WAITING:
            raise Unavailable("too many wait for their password to be checked")
        self._logins += 1
        try:
            return await self._passwords.run(work, *args, **kwargs)
        finally:
            self._logins -= 1

    async def _close(self) -> None:
        await end([self._watching])
        await self.log.close()
        await self._passwords.close()
        await self._arrivals.close()

    def _committed(self, commit: Commit) -> None:
        """Fan out what a transaction stored, after its commit and never before (pitfalls B11)."""
        hub = self.process.hub
        hub.committed(room=commit.room, epoch=commit.epoch, first=commit.first, entries=commit.entries)

    def tell_typing(self, feed: Feed, person: int, name: str) -> None:
        """Tell a room that somebody is writing, here and in every other process."""
        self._write_typing(feed, person, name)
        self.process.hub.publisher.put_signal(
            group=group_of(feed.room), key=f"typing.{person}", kind="typing", room=feed.room, person=person, name=name
        )

    def _typing_elsewhere(self, told: dict[str, Any]) -> None:
        if feed := self.process.hub.feeds.get(told["room"]):
            self._write_typing(feed, told["person"], told["name"])

    def _write_typing(self, feed: Feed, person: int, name: str) -> None:
        frame = Frame(message("typing", room=feed.name, who={"id": person, "name": name}))
        for socket in self.process.sockets_in(feed):
            if socket.person != person and socket.is_writable:
                socket.write(frame)


def runtime() -> Runtime:
    """Return the running loop's runtime; the first call makes and starts it."""
    loop = asyncio.get_running_loop()
    if loop not in _runtimes:
        _runtimes[loop] = Runtime()
        # Its tasks are nobody's: their log lines must not have the ids of who happened to come first.
        Context().run(_runtimes[loop].start)
    return _runtimes[loop]


def _presence(room: str, count: int, joined: Mapping[int, str], left: Mapping[int, str]) -> Frame:
    fields: dict[str, Any] = {name: people(who) for name, who in (("joined", joined), ("left", left)) if who}
    return Frame(message("presence", room=room, count=count, **fields))


def _drain(within_ms: int) -> Frame:
    return Frame(message("drain", within_ms=within_ms))
