"""Who is in a room, over processes that come, go, are killed, and do not hear each other."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest

from parley_serving.cancellation import end
from realtime import presence as presences
from realtime.presence import Presence

ROOM = 1


@dataclass
class World:
    """Processes with one clock, and a layer that carries what they tell, or does not."""

    now: float = 1_000.0
    is_well: bool = True
    processes: "dict[str, One]" = field(default_factory=dict)

    def process(self, name: str) -> "One":
        """Start a process."""
        self.processes[name] = One(self, name)
        return self.processes[name]

    def kill(self, name: str) -> None:
        """It says nothing any more."""
        del self.processes[name]

    def run(self, seconds: float) -> None:
        """Let time pass."""
        for _ in range(round(seconds / presences.TICK_SECONDS)):
            self.now += presences.TICK_SECONDS
            for process in list(self.processes.values()):
                process.presence.tick()


class One:
    """A process: its presence, and what it told its sockets."""

    def __init__(self, world: World, name: str) -> None:
        self.world = world
        self.name = name
        self.told: list[tuple[int, dict[int, str], dict[int, str]]] = []
        self.told_at: list[float] = []
        self.sent: list[dict[str, Any]] = []
        self.serves = True
        self.hears = True
        self.is_full = False
        self.presence = Presence(
            publish=self.publish,
            tell=self.tell,
            is_well=lambda: world.is_well,
            serves=lambda _: self.serves,
            hears=lambda _: self.hears,
            clock=lambda: world.now,
        )

    def publish(self, room: int, **fields: Any) -> bool:
        if self.is_full:
            return False
        message = {"from": self.name, "room": room, **fields}
        self.sent.append(message)
        if self.world.is_well:
            for other in list(self.world.processes.values()):
                if other is not self and other.hears:
                    other.presence.received(message)
        return True

    def tell(self, room: int, count: int, joined: Mapping[int, str], left: Mapping[int, str]) -> None:  # noqa: ARG002
        self.told.append((count, dict(joined), dict(left)))
        self.told_at.append(self.world.now)

    def enter(self, person: int) -> None:
        self.presence.enter(ROOM, person, f"p{person}")

    def leave(self, person: int) -> None:
        self.presence.leave(ROOM, person)

    def people(self) -> set[int]:
        """Who is in the room, as its sockets were told."""
        everybody: set[int] = set()
        for _, joined, left in self.told:
            everybody = (everybody | joined.keys()) - left.keys()
        return everybody

    def left(self) -> list[int]:
        """Every leave that was told."""
        return [person for _, _, left in self.told for person in left]

    def joined(self) -> list[int]:
        """Every join that was told."""
        return [person for _, joined, _ in self.told for person in joined]


@pytest.fixture
def world() -> World:
    """Two processes, some time after their start."""
    world = World()
    for name in ("a", "b"):
        world.process(name)
    world.run(20)
    return world


@pytest.fixture
def a(world: World) -> One:
    """The first process, with person 1 in the room."""
    one = world.processes["a"]
    one.enter(1)
    return one


@pytest.fixture
def b(world: World, a: One) -> One:
    """The second process, with person 2 in the room, and all told."""
    one = world.processes["b"]
    one.enter(2)
    world.run(1)
    return one


def test_people_of_all_processes_are_told(world: World, a: One, b: One) -> None:
    """Within a moment, with their names."""
    assert a.people() == b.people() == {1, 2}
    assert a.told[-1][0] == 2
    assert a.presence.present(ROOM, 3, "p3") == (3, {1: "p1", 2: "p2", 3: "p3"})


def test_who_came_a_moment_ago_is_there_already(world: World, a: One, b: One) -> None:
    """Whoever joins then need not wait for the next tick to see them."""
    a.enter(5)
    assert a.presence.present(ROOM, 3, "p3") == (4, {1: "p1", 2: "p2", 3: "p3", 5: "p5"})


def test_another_name_is_told_as_a_join_of_who_is_here(world: World, a: One, b: One) -> None:
    """To both processes, once each, whichever has the person; nobody leaves for it."""
    for one in (a, b):
        one.told.clear()
    b.presence.rename(2, "Rob")
    world.run(10)
    assert a.told == b.told == [(2, {2: "Rob"}, {})]
    assert a.presence.present(ROOM, 1, "p1")[1] == {1: "p1", 2: "Rob"}
    b.presence.rename(2, "Rob")
    b.presence.rename(3, "Nobody")
    world.run(1)
    assert a.told == b.told == [(2, {2: "Rob"}, {})]


def test_another_name_of_who_is_on_two_processes_is_told_once(world: World, a: One, b: One) -> None:
    """Each of them learns it, one after the other; in between nobody reads now this name and now that."""
    a.enter(2)
    world.run(1)
    for one in (a, b):
        one.told.clear()
    a.presence.rename(2, "Rob")
    world.run(1)
    b.presence.rename(2, "Rob")
    world.run(10)
    assert a.told == b.told == [(2, {2: "Rob"}, {})]


def test_another_name_of_who_was_on_a_killed_process(world: World, a: One, b: One) -> None:
    """Whoever comes back brings it: what the dead process told last holds for 12 s, and would hide it."""
    world.kill("b")
    a.told.clear()
    a.presence.enter(ROOM, 2, "Rob")
    world.run(1)
    assert a.told == [(2, {2: "Rob"}, {})]
    world.run(30)
    assert (a.people(), a.left()) == ({2}, [])


def test_another_name_of_who_just_left_and_comes_back(world: World, a: One, b: One) -> None:
    """A page that is loaded again brings it: within the grace, and also where no process was told before."""
    for one in (a, b):
        one.told.clear()
    b.leave(2)
    world.run(1)
    b.presence.enter(ROOM, 2, "Rob")
    world.run(1)
    assert a.told == b.told == [(2, {2: "Rob"}, {})]
    b.leave(2)
    world.run(1)
    b.presence.rename(2, "Bob")
    a.presence.enter(ROOM, 2, "Bob")
    world.run(20)
    assert a.told == b.told == [(2, {2: "Rob"}, {}), (2, {2: "Bob"}, {})]


def test_one_person_with_five_tabs_is_one_person(world: World, a: One, b: One) -> None:
    """On two processes; the last tab that closes is the leave."""
    for one in (a, a, b, b):
        one.enter(1)
    world.run(10)
    assert a.presence.present(ROOM, 1, "p1")[0] == 2
    for one in (a, a, b, a):
        one.leave(1)
    world.run(10)
    assert a.left() == b.left() == []
    b.leave(1)
    world.run(10)
    assert a.left() == b.left() == [1]
    assert b.joined().count(1) == 1


def test_a_leave_waits_for_the_grace(world: World, a: One, b: One) -> None:
    """A reload is neither a leave nor a join."""
    a.leave(1)
    world.run(presences.GRACE_SECONDS - 0.5)
    a.enter(1)
    world.run(20)
    assert a.left() == b.left() == []
    a.leave(1)
    world.run(presences.GRACE_SECONDS + 1)
    assert a.left() == b.left() == [1]
    assert a.joined().count(1) == b.joined().count(1) == 1


def test_a_reconnect_to_another_process_is_no_leave_and_no_join(world: World, a: One, b: One) -> None:
    """A drain moves sockets, nobody moves out."""
    a.leave(1)
    world.run(presences.GRACE_SECONDS - 1)
    b.enter(1)
    world.run(30)
    assert a.left() == b.left() == []
    assert b.joined().count(1) == 1


def test_leaving_what_was_not_entered_is_harmless(world: World, a: One, b: One) -> None:
    """Cleanup runs twice rather than never."""
    a.leave(2)
    a.leave(99)
    a.presence.leave(77, 1)
    world.run(10)
    assert a.people() == {1, 2}


def test_a_killed_process_s_people_leave_with_its_lease(world: World, a: One, b: One) -> None:
    """Not before, and not never."""
    world.kill("b")
    world.run(presences.LEASE_SECONDS - presences.RENEW_SECONDS - 1)
    assert a.left() == []
    world.run(presences.RENEW_SECONDS + 2)
    assert a.left() == [2]
    assert a.presence.present(ROOM, 1, "p1") == (1, {1: "p1"})


def test_a_process_that_renews_stays(world: World, a: One, b: One) -> None:
    """Nothing is told, however long nothing changes."""
    told = len(a.told)
    world.run(10 * presences.LEASE_SECONDS)
    assert len(a.told) == told
    renewals = [message for message in b.sent if message["ids"] == [2]]
    assert 25 < len(renewals) < 50


def test_two_renewals_in_a_row_may_be_lost(world: World, a: One, b: One, monkeypatch: pytest.MonkeyPatch) -> None:
    """The layer is well and still loses some: nobody flaps for that."""
    lost: list[dict[str, Any]] = []
    publish = b.presence._publish

    def lossy(room: int, **fields: Any) -> None:
        if len(lost) < 2:
            lost.append(fields)
        else:
            publish(room, **fields)

    world.run(presences.LEASE_SECONDS)
    monkeypatch.setattr(b.presence, "_publish", lossy)
    world.run(2 * presences.LEASE_SECONDS)
    assert [fields["ids"] for fields in lost] == [[2], [2]]
    assert (a.left(), a.joined()) == ([], [1, 2])


def test_no_leave_is_told_while_the_layer_is_unwell(world: World, a: One, b: One) -> None:
    """Nobody can know; afterwards only those are told who did leave, and nobody flaps."""
    world.is_well = False
    world.run(1)
    a.leave(1)
    world.run(2 * presences.LEASE_SECONDS)
    assert a.left() == b.left() == []
    assert a.people() == {1, 2}
    world.is_well = True
    world.run(presences.LEASE_SECONDS * 2)
    assert a.left() == b.left() == [1]
    assert a.joined() == [1, 2]


def test_who_moved_while_the_layer_was_away_did_not_leave(world: World, a: One, b: One) -> None:
    """The old process hears of it only when the new one has told again."""
    world.is_well = False
    world.run(1)
    a.leave(1)
    b.enter(1)
    world.run(presences.GRACE_SECONDS * 3)
    world.is_well = True
    world.run(presences.LEASE_SECONDS * 2)
    assert a.left() == b.left() == []
    assert a.people() == b.people() == {1, 2}


def test_a_process_killed_while_the_layer_was_away(world: World, a: One, b: One) -> None:
    """Its people leave a lease after the layer is back."""
    world.is_well = False
    world.run(1)
    world.kill("b")
    world.run(3 * presences.LEASE_SECONDS)
    world.is_well = True
    world.run(presences.LEASE_SECONDS - 1)
    assert a.left() == []
    world.run(2)
    assert a.left() == [2]


def test_a_process_that_is_new_to_a_room_hears_of_all_at_once(world: World, a: One, b: One) -> None:
    """Also one that served it before, whose lease the others still hold."""
    c = world.process("c")
    c.enter(3)
    world.run(1)
    assert c.people() == {1, 2, 3}
    c.leave(3)
    c.serves = False
    world.run(presences.GRACE_SECONDS + 1)
    assert ROOM not in c.presence._rooms
    c.serves = True
    c.told.clear()
    c.enter(3)
    world.run(1)
    assert c.people() == {1, 2, 3}


def test_an_old_snapshot_changes_nothing(world: World, a: One, b: One) -> None:
    """A layer may repeat and reorder."""
    old = next(message for message in b.sent if message["room"] == ROOM)
    b.enter(5)
    world.run(1)
    a.presence.received(old | {"ids": [], "names": []})
    world.run(presences.TICK_SECONDS)
    a.presence.received(b.sent[-1])
    world.run(1)
    assert a.people() == {1, 2, 5}
    assert a.left() == []


def test_a_room_that_nobody_serves_is_forgotten(world: World, a: One, b: One) -> None:
    """And takes no message in."""
    a.leave(1)
    a.serves = False
    world.run(presences.GRACE_SECONDS + 1)
    assert ROOM not in a.presence._rooms
    a.presence.received(b.sent[-1])
    assert ROOM not in a.presence._rooms
    assert a.sent[-1]["ids"] == []


def test_above_100_people_only_counts_travel(world: World, a: One, b: One) -> None:
    """Once a second at most; and `joined` names 100 of them."""
    for person in range(3, 102):
        a.enter(person)
    world.run(2)
    a.told.clear()
    a.told_at.clear()
    for person in range(200, 260):
        b.enter(person)
        world.run(0.2)
    world.run(2)
    assert a.told
    assert all(joined == left == {} for _, joined, left in a.told)
    assert a.told[-1][0] == 161
    gaps = [after - before for before, after in zip(a.told_at, a.told_at[1:], strict=False)]
    assert min(gaps) >= presences.LARGE_SECONDS - 1e-6
    count, present = a.presence.present(ROOM, 1, "p1")
    assert (count, len(present)) == (161, 100)


def test_a_room_back_at_100_people_names_them_all(world: World, a: One, b: One) -> None:
    """Who came while only the count travelled was never named; the next change is told as ever."""
    for person in range(3, 110):
        b.enter(person)
    world.run(3)
    a.told.clear()
    for person in range(2, 60):
        b.leave(person)
    world.run(presences.GRACE_SECONDS + 2)
    assert a.told == [(51, {1: "p1"} | {person: f"p{person}" for person in range(60, 110)}, {})]
    b.leave(60)
    world.run(presences.GRACE_SECONDS + 2)
    assert a.told[1:] == [(50, {}, {60: "p60"})]


def test_a_process_that_cannot_hear_yet_asks_again_when_it_can(world: World, a: One) -> None:
    """Its room's group is joined in the background: what the others answered before that, it did not hear."""
    world.run(5)
    b = world.processes["b"]
    b.hears = False
    b.enter(2)
    world.run(1)
    b.hears = True
    world.run(3 * presences.TICK_SECONDS)
    assert b.people() == {1, 2}
    sent = len(b.sent)
    world.run(presences.RENEW_SECONDS - 1)
    assert len(b.sent) == sent


def test_a_room_of_exactly_100_people_is_small(world: World, a: One, b: One) -> None:
    """It is told who left, and not everybody anew."""
    for person in range(3, 101):
        b.enter(person)
    world.run(3)
    a.told.clear()
    b.leave(100)
    world.run(presences.GRACE_SECONDS + 1)
    assert a.told == [(99, {}, {100: "p100"})]


async def test_a_tick_that_fails_is_not_the_last(
    world: World, a: One, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Without the next ones nobody would ever be told to come or go again."""
    ticks = []
    done = asyncio.Event()

    def tick() -> None:
        ticks.append(1)
        if len(ticks) == 1:
            raise RuntimeError("a fault of ours")
        done.set()

    monkeypatch.setattr(presences, "TICK_SECONDS", 0.0)
    monkeypatch.setattr(a.presence, "tick", tick)
    running = asyncio.create_task(a.presence.run())
    await asyncio.wait_for(done.wait(), 10)
    await end([running])
    assert running.cancelled()
    assert "presence failed" in caplog.text


def test_who_is_a_guest_is_known_everywhere(world: World) -> None:
    """While they are in the room; a process of the release before, which tells of none, spoils nothing."""
    a, b = world.process("a"), world.process("b")
    a.presence.enter(ROOM, 1, "Admin", guest=True)
    b.presence.enter(ROOM, 2, "Admin")
    world.run(1)
    assert [set(one.presence.guests(ROOM)) for one in (a, b)] == [{1}, {1}]
    before = {name: value for name, value in a.sent[-1].items() if name != "guests"}
    b.presence.received(before | {"from": "old", "ids": [3], "names": ["Admin"]})
    world.run(1)
    assert b.people() == {1, 2, 3}
    assert set(b.presence.guests(ROOM)) == {1}
    a.presence.leave(ROOM, 1)
    world.run(10)
    assert [set(one.presence.guests(ROOM)) for one in (a, b)] == [set(), set()]
    assert b.presence.guests(987) == ()


def test_what_the_publisher_does_not_take_is_told_with_a_later_tick() -> None:
    """Too much may wait at once: nobody is forgotten for it, and a process that is new asks all the same."""
    world = World()
    a, b = world.process("a"), world.process("b")
    a.enter(1)
    b.is_full = True
    b.enter(2)
    world.run(presences.TICK_SECONDS * 2)
    assert a.people() == {1}
    b.is_full = False
    world.run(presences.TICK_SECONDS * 2)
    assert a.people() == b.people() == {1, 2}
    assert b.sent[0]["new"]
