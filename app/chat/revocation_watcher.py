"""Letting sockets go whose right to be here ended: one reading per process, whatever the number of sockets.

A renamed person keeps their sockets, and these take the new name.

Revocations are read twice a second from the log's database, so that they need no channel layer and come from
anywhere. What they cannot tell (a session that ran out, or was revoked between the handshake's reading and the
socket's first line) the re-reading of sessions finds: of every new socket at once, of each other now and then.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Collection
from typing import NamedTuple, Protocol

from accounts.models import Revocation
from accounts.selectors import Revoked, Standing, revocation_newest, revocations_after, sessions_expire, standings
from chat.log import Log, Unavailable
from chat.selectors import rooms_readers

log = logging.getLogger(__name__)

WATCH_SECONDS = 0.5  # protocol: within a second on every process
RECHECK_SECONDS = 60.0  # for sessions that ended without a row: a flush, a clean-up, an admin's delete
BEGIN_SECONDS = 5.0  # how long a join waits for the first reading, which takes milliseconds: then `unavailable`
OVERLAP_SECONDS = 60.0  # ids are given before commits: one that commits late is still read for so long

NO_SESSION = 4401
BANNED = 4403
Reason = Revocation.Reason
READ_AGAIN = {Reason.PASSWORD, Reason.RENAMED}  # what is true now is with the person, not in the row


class HttpClient(Protocol):
    """A socket with a person behind it."""

    session: str
    due: float  # when its session is to be read again, in time.time() seconds

    @property
    def person(self) -> int:
        """The id of who it is."""

    @property
    def password(self) -> str:
        """The hash that its session was opened under."""

    @property
    def rooms(self) -> set[int]:
        """The rooms that it reads."""

    def end(self, code: int) -> None:
        """Close it."""

    def remove(self, room: int, reason: str) -> None:
        """Take it out of one room, if it is in it."""

    def rename(self, name: str) -> None:
        """Go on under this name."""


class Reading(NamedTuple):
    """What one turn read."""

    revoked: list[Revoked]
    sessions: dict[str, float]
    people: dict[int, Standing]


class RevocationWatcher:
    """Applies revocations to the sockets of this process; `renamed` is told who has which name now."""

    def __init__(self, log: Log, renamed: Callable[[int, str], None]) -> None:
        self.visitors: set[HttpClient] = set()
        self._log = log
        self._renamed = renamed
        self._floor: int | None = None
        self._begun = asyncio.Event()
        self._applied: dict[int, float] = {}  # id → when; the floor follows behind it
        self._changed: dict[int, float] = {}  # room → when people of it were last looked at

    async def run(self) -> None:
        """RevocationWatcher for ever."""
        while True:
            try:
                await self._turn()
            except Unavailable:
                pass  # nobody can write either; read when it is back
            except Exception:
                log.exception("the revocation check failed; trying again")  # without it no session would ever end again
            await asyncio.sleep(WATCH_SECONDS)

    async def begun(self) -> None:
        """Wait until all that is revoked from now on is new to the watch; raise Unavailable where it cannot read.

        Whoever enters a room before that and is then taken out of it would stay in it.
        """
        if self._begun.is_set():
            return
        try:
            async with asyncio.timeout(BEGIN_SECONDS):
                await self._begun.wait()
        except TimeoutError:
            raise Unavailable("revocations cannot be read") from None

    def has_changed(self, room: int, since: float) -> bool:
        """Say whether people were taken out of a room since then: who was joining it was not seen (time.monotonic)."""
        return self._changed.get(room, -1.0) >= since

    async def _turn(self) -> None:
        """Apply what is new; what could not be read is new the next time."""
        due = [(one, one.session, one.person) for one in self.visitors if one.due <= time.time()]
        sessions, people = {session for _, session, _ in due}, {person for _, _, person in due}
        reading = await self._log.ask(self._read, sessions, people)
        self._begun.set()
        fresh = [revoked for revoked in reading.revoked if revoked.id not in self._applied]
        self._changed |= dict.fromkeys((revoked.room for revoked in fresh if revoked.room), time.monotonic())
        for revoked in fresh:
            if revoked.reason == Reason.RENAMED:
                self._rename(revoked, reading)
            elif revoked.reason != Reason.RESTRICTED:
                self._apply(revoked, reading)
        for visitor, session, person in due:
            if (visitor.session, visitor.person) == (session, person):  # who logged in or out meanwhile is due again
                self._recheck(visitor, reading)
        await self._restrict([revoked for revoked in fresh if revoked.reason == Reason.RESTRICTED])
        self._forget()

    def _read(self, sessions: Collection[str], people: Collection[int]) -> Reading:
        if self._floor is None:
            self._floor = revocation_newest()
        revoked = revocations_after(self._floor)
        people = {*people, *(one.user for one in revoked if one.reason in READ_AGAIN)}
        return Reading(
            revoked,
            {key: at.timestamp() for key, at in sessions_expire(sessions).items()} if sessions else {},
            standings(people) if people else {},
        )

    async def _restrict(self, restricted: list[Revoked]) -> None:
        """Take out of rooms that changed who may not be in them any more; who comes later is asked at the door."""
        if not restricted:
            return
        rooms = {revoked.room for revoked in restricted}
        inside = [(visitor, visitor.person, visitor.rooms & rooms) for visitor in self.visitors]
        readers = await self._log.ask(rooms_readers, rooms, {person for _, person, theirs in inside if theirs})
        for visitor, person, theirs in inside:
            if visitor.person == person:  # another who took the socket over meanwhile was asked then
                for room in theirs:
                    if (room, person) not in readers:
                        visitor.remove(room, "removed")
        self._applied |= dict.fromkeys((revoked.id for revoked in restricted), time.monotonic())

    def _apply(self, revoked: Revoked, reading: Reading) -> None:
        self._applied[revoked.id] = time.monotonic()
        if revoked.reason not in Reason.values:
            return  # of a later release, while a rollout goes on: what it means is not known here
        for visitor in list(self.visitors):
            if revoked.session not in ("", visitor.session) or revoked.user not in (0, visitor.person):
                continue
            if revoked.room:
                visitor.remove(revoked.room, "closed" if revoked.reason == Reason.CLOSED else "removed")
            elif revoked.reason != Reason.PASSWORD or not _is_new(visitor, reading):
                visitor.end(BANNED if revoked.reason == Reason.BANNED else NO_SESSION)

    def _rename(self, renamed: Revoked, reading: Reading) -> None:
        self._applied[renamed.id] = time.monotonic()
        if (person := reading.people.get(renamed.user)) is not None:
            for visitor in self.visitors:
                if visitor.person == renamed.user:
                    visitor.rename(person.name)
            self._renamed(renamed.user, person.name)  # also of whoever left a moment ago, and is still counted in

    def _forget(self) -> None:
        old = time.monotonic() - OVERLAP_SECONDS
        for number in [number for number, at in self._applied.items() if at < old]:
            del self._applied[number]
            self._floor = max(self._floor or 0, number)
        self._changed = {room: at for room, at in self._changed.items() if at >= old}

    def _recheck(self, visitor: HttpClient, reading: Reading) -> None:
        person = reading.people.get(visitor.person)
        expires = reading.sessions.get(visitor.session)
        if person is not None and person.banned:
            visitor.end(BANNED)
        elif expires is None or person is None or not person.is_active or person.password != visitor.password:
            visitor.end(NO_SESSION)
        else:
            visitor.due = min(expires, time.time() + RECHECK_SECONDS)
            visitor.rename(person.name)  # of whoever was renamed between the handshake's reading and its first line


def _is_new(visitor: HttpClient, reading: Reading) -> bool:
    """Say whether a socket came under the password of now: those that came before must not stay, it must."""
    person = reading.people.get(visitor.person)
    return person is not None and person.password == visitor.password
