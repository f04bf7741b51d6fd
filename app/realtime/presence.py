"""Who is in a room, over all processes: each leases its own people, and the union is told.

A process tells its people per room as one snapshot, now and then and after a change; others keep the newest snapshot
of each process until its lease ends. There is no counter that could go wrong (pitfalls K7): the people of a killed
process leave when its lease does.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, Protocol

log = logging.getLogger(__name__)

LEASE_SECONDS = 12.0  # two renewals in a row may be lost: the third comes in time, with a tick for each
RENEW_SECONDS = 3.0
SETTLE_SECONDS = 5.0  # after the layer is well again, until every process has renewed once: no leave before that
GRACE_SECONDS = 4.0  # a reload or a drain comes back sooner, and nobody is told
TICK_SECONDS = 0.2  # changes are told together
SMALL = 100  # people up to which names travel
LARGE_SECONDS = 1.0  # above SMALL only the count, this often at most


class Telling(Protocol):
    """How changes leave this module."""

    def __call__(self, room: int, count: int, joined: Mapping[int, str], left: Mapping[int, str]) -> None:
        """Tell the room's sockets in this process; `joined` and `left` are empty in a large room.

        `joined` also has who is there already, under another name.
        Where a large room has become small, `joined` is everybody.
        """


@dataclass(slots=True)
class _Lease:
    people: dict[int, str]
    version: int
    ends: float


@dataclass(slots=True)
class _Room:
    here: dict[int, int] = field(default_factory=dict)  # person → sockets of theirs in this process
    leaving: dict[int, float] = field(default_factory=dict)  # person → when they are gone
    names: dict[int, str] = field(default_factory=dict)
    guests: set[int] = field(default_factory=set)  # of everybody in the room; an id stays one for ever, or never is
    elsewhere: dict[str, _Lease] = field(default_factory=dict)
    told: dict[int, str] = field(default_factory=dict)
    told_at: float = 0.0
    changed: bool = True  # something to compare
    unsent: bool = True  # the others have not heard
    new: bool = True  # nor have we heard of them: they are asked to tell at once
    sent_at: float = 0.0

    def mine(self) -> dict[int, str]:
        return {person: self.names[person] for person in (*self.here, *self.leaving)}


class Presence:
    """The people of every room that this process serves."""

    def __init__(
        self,
        *,
        publish: Callable[..., bool],
        tell: Telling,
        is_well: Callable[[], bool],
        serves: Callable[[int], bool],
        hears: Callable[[int], bool],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._publish = publish
        self._tell = tell
        self._is_well = is_well
        self._serves = serves
        self._hears = hears
        self._rooms: dict[int, _Room] = {}
        self._clock = clock
        self._well_since = clock()
        self._version = 0

    @property
    def people(self) -> int:
        """How many people this process answers for, summed over the rooms."""
        return sum(len(state.here) + len(state.leaving) for state in self._rooms.values())

    def enter(self, room: int, person: int, name: str, *, guest: bool = False) -> None:
        """Count one more socket of a person."""
        state = self._rooms.setdefault(room, _Room())
        if guest:
            state.guests.add(person)
        known = person in state.here or state.leaving.pop(person, None) is not None
        state.here[person] = state.here.get(person, 0) + 1
        known = known and state.names[person] == name
        state.names[person] = name
        if not known:
            state.changed = state.unsent = True

    def rename(self, person: int, name: str) -> None:
        """Rename a person in every room that they are in on this process, or left a moment ago."""
        for state in self._rooms.values():
            if state.names.get(person, name) != name:
                state.names[person] = name
                state.changed = state.unsent = True

    def leave(self, room: int, person: int) -> None:
        """Count one less; after the last a person is gone when the grace is over."""
        state = self._rooms.get(room)
        if state is None or person not in state.here:
            return
        state.here[person] -= 1
        if not state.here[person]:
            del state.here[person]
            state.leaving[person] = self._clock() + GRACE_SECONDS

    def present(self, room: int, person: int, name: str) -> tuple[int, dict[int, str]]:
        """Return how many people are in a room, `person` among them, and up to SMALL of them."""
        state = self._rooms.get(room, _Room())
        # Of a large room what was told last will do: to count it anew for each arrival costs more than the arrival.
        everybody = state.told if len(state.told) > SMALL else self._union(state)
        others = (one for one in islice(everybody.items(), SMALL) if one[0] != person)
        return len(everybody) + (person not in everybody), {person: name, **dict(islice(others, SMALL - 1))}

    def guests(self, room: int) -> Collection[int]:
        """Return the ids of a room's people who are guests."""
        state = self._rooms.get(room)
        return state.guests if state else ()

    def received(self, message: dict[str, Any]) -> None:
        """Take another process's snapshot of a room."""
        state = self._rooms.get(message["room"])
        if state is None:
            return
        known = state.elsewhere.get(message["from"])
        if known and known.version >= message["version"]:
            return
        if known is None or message.get("new"):
            state.unsent = True  # a process that is new to us, or to the room, may not know our people
        people = dict(zip(message["ids"], message["names"], strict=True))
        state.guests.update(message.get("guests", ()))  # a process of the release before tells of none
        if known is None or known.people != people:
            state.changed = True
        ends = self._clock() + LEASE_SECONDS
        state.elsewhere[message["from"]] = _Lease(people=people, version=message["version"], ends=ends)

    async def run(self) -> None:
        """Renew, expire and tell, for ever."""
        while True:
            await asyncio.sleep(TICK_SECONDS)
            try:
                self.tick()
            except Exception:
                log.exception("presence failed; trying again")  # without the next ticks nobody comes or goes any more

    def tick(self) -> None:
        """Do what is due now."""
        now = self._clock()
        if not self._is_well():
            self._well_since = now
        for room, state in list(self._rooms.items()):
            self._expire(state, now)
            asks = state.new and self._hears(room)
            if state.unsent or asks or now - state.sent_at > RENEW_SECONDS:
                self._send(room, state, now)
            if state.changed:
                self._compare(room, state, now)
            if not self._serves(room) and not state.here and not state.leaving:
                del self._rooms[room]

    def _expire(self, state: _Room, now: float) -> None:
        for person in [person for person, gone in state.leaving.items() if gone <= now]:
            del state.leaving[person], state.names[person]
            state.changed = state.unsent = True
        if now - self._well_since > LEASE_SECONDS:
            # While the layer is unwell, and until everybody had time to renew, no lease ends.
            for process in [process for process, lease in state.elsewhere.items() if lease.ends <= now]:
                del state.elsewhere[process]
                state.changed = True

    def _send(self, room: int, state: _Room, now: float) -> None:
        mine = state.mine()
        self._version += 1
        guests = [person for person in mine if person in state.guests]
        fields = {"ids": [*mine], "names": [*mine.values()], "guests": guests, "new": state.new}
        state.unsent = not self._publish(room, version=self._version, **fields)
        if state.unsent:
            return  # too much waits: the next tick tries again
        state.new = not self._hears(room)  # whoever answers before the room's group is joined is not heard
        state.sent_at = now

    def _compare(self, room: int, state: _Room, now: float) -> None:
        """Tell the room what changed, if anything did for its people."""
        everybody = self._union(state)
        was_large = len(state.told) > SMALL
        if (was_large or len(everybody) > SMALL) and now - state.told_at < LARGE_SECONDS:
            return  # `changed` stays: told with the next tick that may
        joined = {person: name for person, name in everybody.items() if state.told.get(person) != name}
        left = {person: name for person, name in state.told.items() if person not in everybody}
        if left and now - self._well_since < SETTLE_SECONDS:
            everybody |= left  # no leave is told while the layer is unwell, nor before all have told again
            left = {}
        else:
            state.changed = False
        large = len(everybody) > SMALL
        if was_large and not large:
            joined, left = everybody, {}  # while only the count travelled nobody kept the names
        if joined or left:
            state.told_at = now
            self._tell(room, len(everybody), {} if large else joined, {} if large else left)
        state.told = everybody
        state.guests.intersection_update(everybody)

    def _union(self, state: _Room) -> dict[int, str]:
        everybody = state.mine()
        for lease in state.elsewhere.values():
            for person, name in lease.people.items():
                everybody.setdefault(person, name)  # of whoever is here too, our name is read from the log
        return everybody
