"""The layer that misbehaves: as much as it was told to, and the same with the same seed."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from channels.layers import ChannelLayerManager, InMemoryChannelLayer
from django.test import override_settings

from realtime.hub import Hub
from realtime.lossy import REORDER_SECONDS, LossyChannelLayer, Misfortune
from tests.app.realtime.fakes import EPOCH, MemoryLog, Reader
from tests.app.realtime.layers import Scripted

Until = Callable[[Callable[[], object]], Awaitable[None]]
BAD: dict[str, Any] = {"drop": 0.2, "repeat": 0.1, "reorder": 0.3}


def fates(number: int, **misfortune: Any) -> list[tuple[float, ...]]:
    """What becomes of so many messages."""
    one = Misfortune(**misfortune)
    return [one.next() for _ in range(number)]


def test_the_same_seed_decides_the_same() -> None:
    """So that a run that failed can be run again."""
    assert fates(200, seed=7, delay=0.1, **BAD) == fates(200, seed=7, delay=0.1, **BAD)
    assert fates(200, seed=7, **BAD) != fates(200, seed=8, **BAD)


def test_the_shares_are_those_asked_for() -> None:
    """Within what 10 000 throws allow."""
    copies = Counter(map(len, fates(10_000, seed=1, **BAD)))
    assert copies[0] / 10_000 == pytest.approx(0.2, abs=0.02)
    assert copies[2] / (copies[1] + copies[2]) == pytest.approx(0.1, abs=0.02)
    arrivals = [seconds for fate in fates(10_000, seed=1, **BAD) for seconds in fate]
    assert sum(map(bool, arrivals)) / len(arrivals) == pytest.approx(0.3, abs=0.02)
    assert max(arrivals) <= 2 * REORDER_SECONDS


def test_without_misfortune_all_arrives_at_once() -> None:
    """And with all of one kind, nothing else does."""
    assert set(fates(100)) == {(0.0,)}
    assert set(fates(100, drop=1.0)) == {()}
    assert set(map(len, fates(100, repeat=1.0))) == {2}
    assert all(0 <= fate[0] < 0.5 for fate in fates(100, delay=0.5))


def test_a_share_does_not_shift_what_another_decides() -> None:
    """Each message throws the same number of dice."""
    lost = [not fate for fate in fates(500, seed=3, drop=0.2)]
    assert lost == [not fate for fate in fates(500, seed=3, **BAD)]


@pytest.mark.parametrize("wrong", [{"drop": 1.5}, {"repeat": -0.1}, {"reorder": 2}, {"delay": -1}])
def test_numbers_that_mean_nothing_are_refused(wrong: dict[str, Any]) -> None:
    """At start, by name."""
    with pytest.raises(ValueError, match=next(iter(wrong))):
        Misfortune(**wrong)


@override_settings(
    CHANNEL_LAYERS={
        "default": {
            "BACKEND": "realtime.lossy.LossyChannelLayer",
            "CONFIG": {
                "layer": {"BACKEND": "channels.layers.InMemoryChannelLayer", "CONFIG": {"capacity": 7}},
                "seed": 3,
                "drop": 1.0,
            },
        }
    }
)
async def test_it_is_made_from_settings() -> None:
    """As any other layer."""
    layer = ChannelLayerManager()["default"]
    assert isinstance(layer, LossyChannelLayer)
    assert isinstance(layer._inner, InMemoryChannelLayer)
    assert layer.capacity == 7
    channel = await layer.new_channel()
    await layer.group_add("g", channel)
    await layer.group_send("g", {"type": "x"})
    await layer.send(channel, {"type": "x"})
    assert layer.channels[channel].empty() if channel in layer.channels else True


async def test_what_is_held_back_is_overtaken(until: Until) -> None:
    """Sent first, received last; a copy that fails by then disturbs nobody."""
    inner = Scripted()
    layer = LossyChannelLayer(inner, seed=2, reorder=0.5)
    for number in range(20):
        await layer.group_send("g", {"number": number})
    await until(lambda: not layer._late)
    arrived = [message["number"] for _, message in inner.sent]
    assert sorted(arrived) == list(range(20))
    assert arrived != list(range(20))
    inner.is_broken = True
    late = LossyChannelLayer(inner, delay=0.01)
    await late.group_send("g", {})
    await until(lambda: not late._late)
    with pytest.raises(ConnectionError):
        await LossyChannelLayer(inner).group_send("g", {})


async def test_two_processes_keep_every_promise_over_it(until: Until, monkeypatch: pytest.MonkeyPatch) -> None:
    """With 20 % dropped, and repeats, and disorder."""
    monkeypatch.setattr("realtime.hub.POLL_SECONDS", 0.1)
    monkeypatch.setattr("realtime.hub.POLL_UNWELL_SECONDS", 0.1)
    log = MemoryLog()
    layer = LossyChannelLayer(InMemoryChannelLayer(capacity=10_000), seed=11, delay=0.005, **BAD)
    hubs = [Hub(layer=layer, source=log, count=log.count) for _ in range(2)]
    readers = []
    for hub in hubs:
        hub.start()
        log.append(0)
        reader = Reader()
        hub.feed(room=1, name="r", head=log.rooms[1]).attach(reader, 0)
        readers.append(reader)
    for number in range(300):
        first, stored = log.append(1 + number % 3)
        hubs[number % 2].committed(room=1, epoch=EPOCH, first=first, entries=stored)
        await asyncio.sleep(0)
    expected = list(range(1, log.head() + 1))
    await until(lambda: all(reader.seqs == expected for reader in readers))
    await until(lambda: not layer._late)
    for hub in hubs:
        await hub.stop()
    await until(lambda: not layer._late)
