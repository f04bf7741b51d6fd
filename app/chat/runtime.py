"""What runs once per process: the log, and the realtime process over it."""

import asyncio
import logging
import weakref
from collections.abc import Callable, Collection, Mapping
from contextvars import Context
from typing import Any, ParamSpec, TypeVar

from channels.layers import get_channel_layer
from django.conf import settings

from accounts.authentication import people_of
from accounts.credentials import credentials_check
from accounts.models import User
from accounts.queues import LOG_INS, hashes
from chat import limits
from chat.arrivals import Arrivals
from chat.frames import message, people
from chat.log import Batched, Commit, DatabaseThread, Log, Unavailable
from chat.revocation_watcher import RevocationWatcher
from chat.typing_signals import TypingSignals
from parley_serving.bucket import Buckets
from parley_serving.cancellation import end
from realtime.frame import Frame
from realtime.process import Process
from realtime.socket import Sockets

log = logging.getLogger(__name__)

P = ParamSpec("P")
T = TypeVar("T")

_runtimes: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, "Runtime"] = weakref.WeakKeyDictionary()


class Runtime:
    """The log and the process of one event loop."""

    def __init__(self) -> None:
        self.log = Log(self._committed)
        self._passwords = DatabaseThread("passwords", keeps=False)
        self._sessions = DatabaseThread("sessions", keeps=False)
        self._authentication = DatabaseThread("arrivals")
        self.people = Batched(self._authentication, people_of)  # by session key
        self.arrivals = Arrivals(self._sessions)
        self._sessions_waiting = 0
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
        self.watch = RevocationWatcher(self.log, self.process.presence.rename)
        self.typing = TypingSignals(self.process)

    def start(self) -> None:
        """Start everything on the running loop."""
        self.process.start()
        self._watching = asyncio.get_running_loop().create_task(self.watch.run())

    async def stop(self) -> None:
        """Stop everything; what is queued is stored first."""
        await self.process.stop()

    async def log_in(self, *, username: str, password: str, address: str) -> User:
        """Check a password when it is its turn: those of pages wait in the same line. Raise Full, as well."""
        async with hashes.turn(LOG_INS, address):
            return await self._passwords.run(credentials_check, username=username, password=password, address=address)

    async def sessions(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Open or end a session; it waits behind no password."""
        if self._sessions_waiting >= limits.SESSIONS_WAITING:
            log.warning("too many wait for their session: %d", self._sessions_waiting)
            raise Unavailable("too many wait for their session")
        self._sessions_waiting += 1
        try:
            return await self._sessions.run(work, *args, **kwargs)
        finally:
            self._sessions_waiting -= 1

    async def _close(self) -> None:
        await end([self._watching])
        await self.log.close()
        await self.arrivals.close()
        for thread in (self._passwords, self._sessions, self._authentication):
            await thread.close()

    def _committed(self, commit: Commit) -> None:
        """Fan out what a transaction stored, after its commit and never before (pitfalls B11)."""
        hub = self.process.hub
        hub.committed(room=commit.room, epoch=commit.epoch, first=commit.first, entries=commit.entries)


def runtime() -> Runtime:
    """Return the running loop's runtime; the first call makes and starts it."""
    loop = asyncio.get_running_loop()
    if loop not in _runtimes:
        _runtimes[loop] = Runtime()
        # Its tasks are nobody's: their log lines must not have the ids of who happened to come first.
        Context().run(_runtimes[loop].start)
    return _runtimes[loop]


def _presence(
    room: str, count: int, joined: Mapping[int, str], left: Mapping[int, str], guests: Collection[int]
) -> Frame:
    fields: dict[str, Any] = {name: people(who, guests) for name, who in (("joined", joined), ("left", left)) if who}
    return Frame(message("presence", room=room, count=count, **fields))


def _drain(within_ms: int) -> Frame:
    return Frame(message("drain", within_ms=within_ms))
