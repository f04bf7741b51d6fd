"""A process's rooms over a channel layer that may be good, bad, frozen or none."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest

from realtime import hub as hubs
from realtime import layer_health as healths
from realtime.hub import Head, Hub, group_of
from tests.app.realtime.fakes import EPOCH, MemoryLog, Reader, entries
from tests.app.realtime.layers import Scripted
from tests.app.realtime.virtual import VirtualLoop
from tests.waiting import PATIENCE

Until = Callable[[Callable[[], object]], Awaitable[None]]


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Everything that is due now and then is due often; the regular poll is not, unless a test says so."""
    monkeypatch.setattr(healths, "PROBE_SECONDS", 0.05)
    monkeypatch.setattr(hubs, "REBUILD_SECONDS", 0.01)
    monkeypatch.setattr(hubs, "POLL_SECONDS", 60.0)
    monkeypatch.setattr(hubs, "POLL_UNWELL_SECONDS", 60.0)


@pytest.fixture
async def log() -> MemoryLog:
    """The log that all processes share."""
    return MemoryLog()


@pytest.fixture
async def layer() -> Scripted:
    """The layer between them."""
    return Scripted()


Make = Callable[[Any], Hub]


@pytest.fixture
async def make(log: MemoryLog) -> AsyncIterator[Make]:
    """Start hubs; all are stopped after the test, and leave nothing behind."""
    hubs: list[Hub] = []

    def start(layer: Any) -> Hub:
        hub = Hub(layer=layer, source=log, count=log.count)
        hub.start()
        hubs.append(hub)
        return hub

    yield start
    for hub in hubs:
        await hub.stop()
    for _ in range(3):
        await asyncio.sleep(0)
    assert asyncio.all_tasks() == {asyncio.current_task()}


def join(hub: Hub, log: MemoryLog, room: int = 1) -> Reader:
    """A socket that just read the log to its end."""
    head = log.rooms.setdefault(room, Head(EPOCH, 0))
    reader = Reader()
    hub.feed(room=room, name=f"room-{room}", head=head).attach(reader, head.seq)
    return reader


def store(hub: Hub, log: MemoryLog, number: int = 1, room: int = 1) -> None:
    """A commit of this process."""
    first, stored = log.append(number, room)
    hub.committed(room=room, epoch=log.rooms[room].epoch, first=first, entries=stored)


async def is_joined(hub: Hub, layer: Scripted, until: Until, room: int = 1) -> None:
    """Wait until a room's group lists a hub, and knows it, and its health is good."""
    group = group_of(room)
    await until(lambda: hub.health.is_well and group in hub.joined and hub._channel in layer.groups.get(group, {}))


async def test_entries_cross_from_one_process_to_another(
    log: MemoryLog, layer: Scripted, make: Make, until: Until, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At home at once, elsewhere by the layer; no log is read for it, and nobody reads anything twice."""
    one, two = make(layer), make(layer)
    here, there = join(one, log), join(two, log)
    for hub in (one, two):
        await is_joined(hub, layer, until)
    # A poll between a commit and its message would read the log: those that the start asked for are over, and no probe
    # that is late on a busy machine asks for another.
    monkeypatch.setattr(healths, "PROBE_SECONDS", 60.0)
    await until(lambda: not log.asked and not one._poll_now.is_set() and not two._poll_now.is_set())
    store(one, log, 3)
    assert here.seqs == [1, 2, 3]
    await until(lambda: there.seqs == [1, 2, 3])
    store(two, log, 2)
    await until(lambda: here.seqs == there.seqs == [1, 2, 3, 4, 5])
    assert not log.reads
    assert log.counted["repaired"] == 0


async def test_what_the_layer_lost_the_poll_finds(
    log: MemoryLog, layer: Scripted, make: Make, until: Until, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody publishes any more, and all have everything."""
    one, two = make(layer), make(layer)
    join(one, log)
    there = join(two, log)
    await is_joined(two, layer, until)
    layer.loses = True
    store(one, log, 7)
    monkeypatch.setattr(hubs, "POLL_SECONDS", 0.02)
    monkeypatch.setattr(hubs, "POLL_UNWELL_SECONDS", 0.02)
    two._poll_now.set()
    await until(lambda: there.seqs == list(range(1, 8)))


def test_the_poll_asks_when_it_is_time(log: MemoryLog, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every two seconds, and four times a second while the layer is unwell; once at the start of a room."""
    monkeypatch.setattr(hubs, "POLL_SECONDS", 2.0)
    monkeypatch.setattr(hubs, "POLL_UNWELL_SECONDS", 0.25)
    loop = VirtualLoop()
    loop.wait(1_000)
    with loop.inside():
        hub = Hub(layer=None, source=log, count=log.count)
        hub.health.is_well = True
        hub.start()
        join(hub, log)
    loop.wait(19)
    assert log.polls == [{1}] * 10
    hub.health.is_well = False
    loop.wait(2)  # the last one at the pace before
    log.polls.clear()
    loop.wait(10)
    assert len(log.polls) == pytest.approx(40, abs=1)
    loop.end()


async def test_rooms_that_ask_do_not_put_off_the_others(
    log: MemoryLog, make: Make, until: Until, monkeypatch: pytest.MonkeyPatch
) -> None:
    """People join new rooms all the time; a quiet room's loss is found all the same."""
    monkeypatch.setattr(hubs, "POLL_UNWELL_SECONDS", 0.05)
    hub = make(None)
    quiet = join(hub, log, room=1)
    await until(lambda: log.polls)
    log.append(2, room=1)
    async with asyncio.timeout(PATIENCE):
        room = 2
        while not quiet.seqs:
            join(hub, log, room)
            room += 1
            await asyncio.sleep(0.005)
    assert quiet.seqs == [1, 2]


async def test_a_process_without_a_layer(
    log: MemoryLog, make: Make, until: Until, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The poll carries the chat, at the pace of an unwell layer."""
    monkeypatch.setattr(hubs, "POLL_UNWELL_SECONDS", 0.02)
    one, two = make(None), make(None)
    here, there = join(one, log), join(two, log)
    store(one, log, 2)
    assert here.seqs == [1, 2]
    await until(lambda: there.seqs == [1, 2])
    assert not one.health.is_well


async def test_a_health_that_changes_polls_at_once(log: MemoryLog, layer: Scripted, make: Make, until: Until) -> None:
    """What was lost meanwhile does not wait for the regular poll."""
    hub = make(layer)
    reader = join(hub, log)
    await is_joined(hub, layer, until)
    # On a busy machine a good layer's probe may be late too: what does not change then is not told.
    await until(lambda: log.polls and hub.health.is_well)
    layer.loses = True
    log.append(3)
    await until(lambda: reader.seqs == [1, 2, 3] and not hub.health.is_well)
    log.append(3)
    layer.loses = False
    await until(lambda: reader.seqs == [1, 2, 3, 4, 5, 6])


async def test_a_hub_that_ended_is_rebuilt_and_its_groups_joined_again(
    log: MemoryLog, layer: Scripted, make: Make, until: Until, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The old channel is in no group any more: nobody would read what the layer puts there."""
    one, two = make(layer), make(layer)
    two.groups.add("everybody")
    there = join(two, log)
    await is_joined(two, layer, until)
    old = two._channel
    receive = layer.receive
    failed: list[str] = []

    async def fails_once(channel: str) -> Any:
        message = await receive(channel)
        if channel == old and not failed:
            failed.append(channel)
            raise ConnectionError("gone")
        return message

    monkeypatch.setattr(layer, "receive", fails_once)
    await until(lambda: two._channel not in {old, None})
    await is_joined(two, layer, until)
    await until(lambda: two._channel in layer.groups.get("everybody", {}))
    assert all(old not in members for members in layer.groups.values())
    store(one, log, 1)
    await until(lambda: there.seqs == [1])


async def test_a_hub_without_a_channel_probes_through_none(
    log: MemoryLog, layer: Scripted, make: Make, until: Until, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While it is rebuilt the layer is unwell, and is sent nothing that nobody would take."""
    hub = make(layer)
    join(hub, log)
    await is_joined(hub, layer, until)
    old, go, probes = hub._channel, asyncio.Event(), []
    new_channel, receive, send = layer.new_channel, layer.receive, layer.send

    async def held() -> str:
        await go.wait()
        return str(await new_channel())

    async def fails(channel: str) -> Any:
        message = await receive(channel)
        if channel == old:
            raise ConnectionError("gone")
        return message

    async def noted(channel: str, message: dict[str, Any]) -> None:
        probes.append(channel)
        await send(channel, message)

    monkeypatch.setattr(layer, "new_channel", held)
    monkeypatch.setattr(layer, "receive", fails)
    monkeypatch.setattr(layer, "send", noted)
    await until(lambda: hub._channel is None and not hub.health.is_well)
    number = hub.health._number
    await until(lambda: hub.health._number > number + 1)
    assert set(probes) <= {old}
    go.set()
    await is_joined(hub, layer, until)


async def test_a_hub_that_ended_while_it_joined_a_group_leaves_it(
    log: MemoryLog, layer: Scripted, make: Make, until: Until, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The old channel came into the group after it had been taken out of all."""
    hub = make(layer)
    join(hub, log)
    await is_joined(hub, layer, until)
    old, receive = hub._channel, layer.receive
    failed: list[str] = []
    asked = asyncio.Event()
    add = layer.group_add

    async def told(group: str, channel: str) -> None:
        asked.set()
        await add(group, channel)

    async def fails_once(channel: str) -> Any:
        message = await receive(channel)
        if channel == old and not failed:
            failed.append(channel)
            raise ConnectionError("gone")
        return message

    monkeypatch.setattr(layer, "group_add", told)
    layer.adds.clear()
    join(hub, log, room=2)
    await asked.wait()
    monkeypatch.setattr(layer, "receive", fails_once)
    await until(lambda: hub._channel not in {old, None})
    layer.adds.set()
    await is_joined(hub, layer, until)
    await is_joined(hub, layer, until, room=2)
    assert all(old not in members for members in layer.groups.values())


async def test_a_message_of_another_shape_ends_nothing(
    log: MemoryLog, layer: Scripted, make: Make, until: Until
) -> None:
    """Another release, or a stranger on the same prefix."""
    hub = make(layer)
    hub.handlers["breaks"] = lambda message: message["a"].b  # AttributeError
    reader = join(hub, log)
    await is_joined(hub, layer, until)
    channel = hub._channel
    group = group_of(1)
    for message in (
        {"type": "entries"},
        {"type": "entries", "room": 1, "epoch": EPOCH, "first": "x", "entries": None},
        {"type": "entries", "room": 1, "epoch": EPOCH, "first": 1, "entries": ["text"]},
        {"type": "entries", "room": [], "epoch": EPOCH, "first": 1, "entries": []},
        {"type": ["entries"]},
        {"type": "breaks", "a": 1},
        {"type": "unknown"},
        {},
    ):
        await layer.group_send(group, message)
    await layer.group_send(
        group, {"type": "entries", "from": "x", "room": 1, "epoch": EPOCH, "first": 1, "entries": entries(1, 1)}
    )
    await until(lambda: reader.seqs == [1])
    assert hub._channel == channel


async def test_joining_a_group_that_hangs_delays_nobody(
    log: MemoryLog, layer: Scripted, make: Make, until: Until, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Members of this process read at once, and what others store comes by the poll."""
    monkeypatch.setattr(hubs, "POLL_SECONDS", 0.02)
    monkeypatch.setattr(hubs, "POLL_UNWELL_SECONDS", 0.02)
    layer.adds.clear()
    hub = make(layer)
    reader = join(hub, log)
    store(hub, log, 1)
    assert reader.seqs == [1]
    log.append(2)
    await until(lambda: reader.seqs == [1, 2, 3])
    layer.adds.set()
    await is_joined(hub, layer, until)


async def test_joining_groups_is_tried_until_it_works(
    log: MemoryLog, layer: Scripted, make: Make, until: Until, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And what was published before it did is fetched from the log."""
    add, tries = layer.group_add, []

    async def fails_twice(group: str, channel: str) -> None:
        tries.append(group)
        if len(tries) < 3:
            raise ConnectionError("no layer")
        log.append(2)  # stored and published by another just before
        await add(group, channel)

    monkeypatch.setattr(layer, "group_add", fails_twice)
    hub = make(layer)
    reader = join(hub, log)
    await until(lambda: reader.seqs == [1, 2])
    assert tries == [group_of(1)] * 3


async def test_what_was_stored_while_a_feed_was_made_is_fetched(log: MemoryLog, make: Make, until: Until) -> None:
    """Between the reading of the log and the first socket."""
    hub = make(None)
    head = log.rooms[1] = Head(EPOCH, 5)
    log.append(2)
    reader = Reader()
    hub.feed(room=1, name="r", head=head).attach(reader, 5)
    await until(lambda: reader.seqs == [6, 7])


async def test_a_joiner_tells_an_old_feed_where_the_log_ends(log: MemoryLog, make: Make, until: Until) -> None:
    """It read further than the feed got; also where its own entries end before that."""
    hub = make(None)
    first = join(hub, log)
    await until(lambda: log.polls)
    log.append(9)
    second = Reader()
    hub.feed(room=1, name="room-1", head=log.rooms[1]).attach(second, 4)
    await until(lambda: first.seqs == list(range(1, 10)))
    await until(lambda: second.seqs == list(range(5, 10)))


async def test_a_hub_that_stops_leaves_no_reading_behind(log: MemoryLog, make: Make, until: Until) -> None:
    """Of a socket that catches up: a process that drains ends with it."""
    hub = make(None)
    join(hub, log)
    store(hub, log, 5)
    log.gate.clear()
    hub.feeds[1].attach(Reader(), 2)
    await until(lambda: log.reads)
    await hub.stop()
    await asyncio.sleep(0)
    assert asyncio.all_tasks() == {asyncio.current_task()}


# Histories


async def test_a_head_under_the_feed_is_another_history(
    log: MemoryLog, make: Make, until: Until, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A restore: the room gets a new epoch, and its sockets join again."""
    hub = make(None)
    reader = join(hub, log)
    store(hub, log, 9)
    log.rooms[1] = Head(EPOCH, 4)
    hub._check_now(1)
    await until(lambda: reader.restarted)
    assert log.rooms[1].epoch != EPOCH
    assert 1 not in hub.feeds
    again = join(hub, log)
    store(hub, log, 1)
    assert again.seqs == [5]


async def test_an_epoch_that_another_process_changed(log: MemoryLog, make: Make, until: Until) -> None:
    """Also where the head is above the feed: nothing of the new history is written behind the old."""
    hub = make(None)
    reader = join(hub, log)
    store(hub, log, 3)
    log.rooms[1] = Head("second", 12)
    hub._check_now(1)
    await until(lambda: reader.restarted)
    assert reader.written == entries(1, 3)
    newcomer = join(hub, log)
    store(hub, log, 1)
    assert newcomer.written == entries(13, 13, "second")


async def test_a_joiner_of_another_history_starts_the_room_over(log: MemoryLog, make: Make) -> None:
    """Whoever reads the log first finds it."""
    hub = make(None)
    reader = join(hub, log)
    log.rooms[1] = Head("second", 0)
    newcomer = join(hub, log)
    assert reader.restarted == 1
    store(hub, log, 1)
    assert (reader.written, newcomer.written) == ([], entries(1, 1, "second"))


async def test_a_room_with_a_new_address_starts_over(log: MemoryLog, make: Make) -> None:
    """Frames name their room: under the old address, a joiner of the new one would not know them."""
    hub = make(None)
    reader = join(hub, log)
    feed = hub.feed(room=1, name="renamed", head=log.rooms[1])
    assert (feed.name, reader.restarted) == ("renamed", 1)


async def test_a_commit_while_the_heads_are_read_is_not_a_lower_head(log: MemoryLog, make: Make, until: Until) -> None:
    """Positions are noted before the log is asked."""
    hub = make(None)
    reader = join(hub, log)
    log.gate.clear()
    hub._check_now(1)
    await until(lambda: log.polls)
    store(hub, log, 5)
    log.gate.set()
    hub._check_now(1)
    await until(lambda: len(log.polls) > 1)
    await asyncio.sleep(0)
    assert not reader.restarted
    assert log.rooms[1] == Head(EPOCH, 5)


async def test_a_room_that_was_deleted(
    log: MemoryLog, make: Make, until: Until, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever deleted it has time to tell its sockets; those that were not told join again, and hear of it."""
    hub = make(None)
    reader = join(hub, log)
    del log.rooms[1]
    hub._check_now(1)
    await until(lambda: 1 in hub._gone)
    assert not reader.restarted
    monkeypatch.setattr(hubs, "GONE_SECONDS", 0.0)
    hub._check_now(1)
    await until(lambda: reader.restarted)
    assert not hub.feeds
    assert not hub._gone


@pytest.mark.parametrize("broken", [False, True])
async def test_a_log_that_does_not_answer_ends_no_poll(
    log: MemoryLog, make: Make, until: Until, monkeypatch: pytest.MonkeyPatch, broken: bool
) -> None:
    """Neither by the error that is agreed on nor by another: it is asked again."""
    monkeypatch.setattr(hubs, "POLL_UNWELL_SECONDS", 0.01)
    hub = make(None)
    reader = join(hub, log)

    async def fails(*_: object) -> None:
        failures.append(1)
        raise RuntimeError("not in the contract")

    failures: list[int] = []
    with contextlib.ExitStack() as stack:
        if broken:
            stack.enter_context(pytest.MonkeyPatch.context()).setattr(log, "heads", fails)
        log.is_down = True
        await until(lambda: len(failures if broken else log.polls) > 2)
    log.is_down = False
    assert broken or log.counted["polls_failed"] >= 2, "an alert counts them"
    log.append(1)
    await until(lambda: reader.seqs == [1])
    assert not reader.restarted


# Leaving


async def test_an_empty_feed_goes_after_a_while_and_its_group_with_it(
    log: MemoryLog, layer: Scripted, make: Make, until: Until, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A reload comes back to it sooner."""
    monkeypatch.setattr(hubs, "LINGER_SECONDS", 0.05)
    hub = make(layer)
    reader = join(hub, log)
    await is_joined(hub, layer, until)
    feed = hub.feeds[1]
    feed.detach(reader)
    hub.left(feed)
    back = join(hub, log)
    assert hub.feeds[1] is feed
    await asyncio.sleep(0.1)
    assert hub.feeds[1] is feed
    log.gate.clear()
    log.append(1)
    feed.head_is(1)
    feed.detach(back)
    hub.left(feed)
    await until(lambda: not hub.feeds)
    await until(lambda: feed._repair is None)  # what it read is read for nobody
    await until(lambda: not layer.groups.get(group_of(1)))


async def test_a_storm_of_leavers_leaves_what_the_rest_reads(
    log: MemoryLog, layer: Scripted, make: Make, until: Until, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Feeds and groups are exactly those of the sockets still there."""
    monkeypatch.setattr(hubs, "LINGER_SECONDS", 0.01)
    hub = make(layer)
    readers = [(room, join(hub, log, room)) for room in (1, 2, 3) for _ in range(70)]
    stays = readers.pop(0)[1]
    for room in (1, 2, 3):
        await is_joined(hub, layer, until, room)
    for number, (room, reader) in enumerate(readers):
        hub.feeds[room].detach(reader)
        hub.left(hub.feeds[room])
        if number % 10 == 0:
            store(hub, log, 1, room=1)
    await until(lambda: set(hub.feeds) == {1})
    await until(lambda: {group for group, members in layer.groups.items() if members} == {group_of(1)})
    assert hub.feeds[1].subscribers == [stays]
    assert stays.seqs == list(range(1, log.head() + 1))
