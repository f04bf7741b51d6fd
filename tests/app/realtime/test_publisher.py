"""The one task that publishes: nobody waits for it, it has an end, and nothing ends it."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import msgpack
import pytest

from realtime import publisher as publishing
from realtime.publisher import Publisher
from tests.app.realtime.fakes import entries
from tests.app.realtime.layers import Scripted

REDIS_BYTES = 32 * 1024 * 1024  # at which Redis cuts off who subscribes

Until = Callable[[Callable[[], object]], Awaitable[None]]


@pytest.fixture
async def layer() -> Scripted:
    """A layer that records."""
    return Scripted()


@pytest.fixture
def counted() -> Counter[str]:
    """What was counted."""
    return Counter()


@pytest.fixture
async def publisher(layer: Scripted, counted: Counter[str]) -> AsyncIterator[Publisher]:
    """A publisher that runs."""
    publisher = Publisher(layer=layer, sender="me", count=lambda name, number: counted.update({name: number}))
    task = asyncio.create_task(publisher.run())
    yield publisher
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


def put(publisher: Publisher, first: int, last: int, *, room: int = 1, epoch: str = "first") -> None:
    """Publish entries first…last."""
    publisher.put_entries(
        group=f"room.{room}", room=room, epoch=epoch, first=first, entries=entries(first, last, epoch)
    )


def runs(layer: Scripted) -> list[tuple[int, str, int, int]]:
    """What was sent: room, epoch, first, last."""
    return [
        (message["room"], message["epoch"], message["first"], message["first"] + len(message["entries"]) - 1)
        for _, message in layer.sent
        if message["type"] == "entries"
    ]


async def test_a_message_says_what_and_whence(layer: Scripted, publisher: Publisher, until: Until) -> None:
    """The sender's name lets it drop its own."""
    put(publisher, 4, 5)
    await until(lambda: layer.sent)
    assert layer.sent == [
        ("room.1", {"type": "entries", "from": "me", "room": 1, "epoch": "first", "first": 4, "entries": entries(4, 5)})
    ]


async def test_what_continues_goes_together(layer: Scripted, publisher: Publisher, until: Until) -> None:
    """While the layer is busy, a room's entries become one message; rooms stay apart."""
    layer.open.clear()
    put(publisher, 1, 1)
    await asyncio.sleep(0)
    for seq in range(2, 6):
        put(publisher, seq, seq)
        put(publisher, seq, seq, room=2)
    layer.open.set()
    await until(lambda: len(layer.sent) == 3)
    assert runs(layer) == [(1, "first", 1, 1), (1, "first", 2, 5), (2, "first", 2, 5)]


async def test_what_does_not_continue_is_kept_too(layer: Scripted, publisher: Publisher, until: Until) -> None:
    """Two processes that write to one room store in turns: what is queued is not thrown away for what comes next."""
    layer.open.clear()
    put(publisher, 1, 1)
    await asyncio.sleep(0)
    put(publisher, 2, 3)
    put(publisher, 6, 6)  # 4 and 5 are another process's
    put(publisher, 7, 8)
    put(publisher, 9, 9, epoch="second")
    layer.open.set()
    await until(lambda: len(layer.sent) == 4)
    assert runs(layer) == [(1, "first", 1, 1), (1, "first", 2, 3), (1, "first", 6, 8), (1, "second", 9, 9)]


async def test_what_is_published_is_not_changed_by_what_comes_after(
    layer: Scripted, publisher: Publisher, until: Until
) -> None:
    """A message under way is no longer the queue's."""
    layer.open.clear()
    put(publisher, 1, 2)
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    put(publisher, 3, 3)
    layer.open.set()
    await until(lambda: len(layer.sent) == 2)
    assert runs(layer) == [(1, "first", 1, 2), (1, "first", 3, 3)]


async def test_a_frozen_layer_costs_no_memory(
    layer: Scripted, publisher: Publisher, counted: Counter[str], until: Until, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Above the bound entries are dropped and counted; the poll of the others finds them."""
    monkeypatch.setattr(publishing, "QUEUE_ENTRIES", 10)
    layer.open.clear()
    put(publisher, 1, 1)
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    for seq in range(2, 30, 2):
        put(publisher, seq, seq + 1)
    assert counted["publish_dropped"] == 18
    layer.open.set()
    await until(lambda: len(layer.sent) == 2)
    assert runs(layer)[-1] == (1, "first", 2, 11)
    put(publisher, 30, 31)
    await until(lambda: len(layer.sent) == 3)


async def test_a_backlog_is_bounded_in_bytes_too(
    layer: Scripted, publisher: Publisher, counted: Counter[str], until: Until, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is under way counts; a message has its own bound; afterwards there is room again."""
    size = len(entries(1, 1)[0])
    monkeypatch.setattr(publishing, "QUEUE_BYTES", 10 * size)
    monkeypatch.setattr(publishing, "MESSAGE_BYTES", 4 * size)
    layer.open.clear()
    put(publisher, 1, 2)
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    put(publisher, 3, 9)
    put(publisher, 1, 3, room=2)
    assert counted["publish_dropped"] == 2
    layer.open.set()
    await until(lambda: len(layer.sent) == 4)
    assert runs(layer) == [(1, "first", 1, 2), (1, "first", 3, 6), (1, "first", 7, 9), (2, "first", 1, 1)]
    await asyncio.sleep(0)
    put(publisher, 1, 9)
    await until(lambda: len(layer.sent) == 7)
    assert counted["publish_dropped"] == 2


@pytest.mark.parametrize("instances", [1, 8, 9, 64])
async def test_what_all_instances_publish_at_once_is_bounded(
    layer: Scripted, counted: Counter[str], instances: int
) -> None:
    """Redis cuts off a subscriber with 32 MB to read, whoever sent them; one of the rollout is there besides."""
    publisher = Publisher(
        layer=layer, sender="me", count=lambda name, n: counted.update({name: n}), instances=instances
    )
    sent = [b"x" * 65_536] * 100
    publisher.put_entries(group="room.1", room=1, epoch="e", first=1, entries=sent)
    queued = publisher._bytes
    assert queued == (len(sent) - counted["publish_dropped"]) * 65_536
    assert 262_144 <= queued <= 3 * 1024 * 1024
    assert (instances + 1) * queued < 29_000_000


async def test_a_layer_that_raises_does_not_end_it(
    layer: Scripted, publisher: Publisher, counted: Counter[str], until: Until
) -> None:
    """Whatever a client library raises."""
    layer.is_broken = True
    put(publisher, 1, 1)
    put(publisher, 1, 1, room=2)
    await until(lambda: counted["publish_failed"] == 2)
    layer.is_broken = False
    put(publisher, 2, 2)
    await until(lambda: layer.sent)
    assert runs(layer) == [(1, "first", 2, 2)]


async def test_of_a_signal_only_the_newest_matters(layer: Scripted, publisher: Publisher, until: Until) -> None:
    """Per group and key."""
    layer.open.clear()
    put(publisher, 1, 1)
    await asyncio.sleep(0)
    for number in range(5):
        publisher.put_signal(group="room.1", key="presence", kind="presence", version=number)
        publisher.put_signal(group="room.1", key="typing.7", kind="typing", person=7)
    layer.open.set()
    await until(lambda: len(layer.sent) == 3)
    assert [(message["type"], message.get("version")) for _, message in layer.sent[1:]] == [
        ("presence", 4),
        ("typing", None),
    ]


@pytest.mark.parametrize("instances", [1, 8, 16])
async def test_signals_are_bounded_in_bytes(layer: Scripted, until: Until, instances: int) -> None:
    """Full rooms have long lists of names: what waits, or is under way, has an end, and more is put again later."""
    publisher = Publisher(layer=layer, sender="me", count=lambda *_: None, instances=instances)
    people = list(range(1_000))
    full: dict[str, Any] = {"kind": "presence", "ids": people, "names": ["😀" * 40] * len(people)}
    size = len(msgpack.packb({"type": "presence", "from": "me", **full}))

    def put(room: int) -> bool:
        return publisher.put_signal(group=f"room.{room}", key="presence", **full)

    taken = [room for room in range(1_000) if put(room)]
    assert taken == list(range(max(1, len(taken))))
    entries = min(publishing.QUEUE_BYTES, publishing.QUEUES_BYTES // instances)
    assert (instances + 1) * (size * max(1, len(taken) - 1) + entries) < REDIS_BYTES
    assert put(0), "the newest of one that waits"
    assert not put(len(taken)), "no room came of it"
    task = asyncio.create_task(publisher.run())
    await until(lambda: len(layer.sent) == len(taken))
    assert put(len(taken))
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_without_a_layer_nothing_is_kept() -> None:
    """The poll carries the chat."""
    publisher = Publisher(layer=None, sender="me", count=lambda *_: None)
    for seq in range(100):
        put(publisher, seq, seq)
        publisher.put_signal(group="g", key=str(seq), kind="typing")
    assert not publisher._entries
    assert not publisher._signals
