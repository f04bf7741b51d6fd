"""Whether the layer carries messages: said by a probe that comes back, whatever the layer says."""

import asyncio
import gc
from collections.abc import AsyncIterator, Awaitable, Callable
from itertools import pairwise
from typing import Any

import pytest

from realtime import layer_health as healths
from realtime.layer_health import LayerHealth
from tests.app.realtime.layers import Scripted
from tests.app.realtime.virtual import VirtualLoop

Until = Callable[[Callable[[], object]], Awaitable[None]]


class Probed:
    """A health over a layer, and what receives its probes."""

    def __init__(self) -> None:
        self.layer = Scripted()
        self.changes: list[bool] = []
        self.health = LayerHealth(layer=self.layer, changed=self.changes.append)
        self.has_channel = asyncio.Event()
        self.name = ""

    async def channel(self) -> str:
        await self.has_channel.wait()
        return self.name

    async def receive(self) -> None:
        self.name = await self.layer.new_channel()
        self.has_channel.set()
        while True:
            self.health.received((await self.layer.receive(self.name))["number"])


@pytest.fixture
async def probed(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Probed]:
    """A health that probes often, or as often as a test says from the start."""
    monkeypatch.setattr(healths, "PROBE_SECONDS", getattr(request, "param", 0.02))
    probed = Probed()
    tasks = [
        asyncio.create_task(probed.health.run(probed.channel)),
        asyncio.create_task(probed.receive()),
    ]
    yield probed
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    await asyncio.sleep(0)
    assert asyncio.all_tasks() == {asyncio.current_task()}


async def test_unwell_until_the_first_probe_is_back(probed: Probed, until: Until) -> None:
    """And then each change is told once."""
    assert not probed.health.is_well
    await until(lambda: probed.changes)
    assert probed.changes[0] is True


@pytest.mark.parametrize("probed", [3600.0], indirect=True)
async def test_the_first_probe_goes_when_there_is_a_channel(probed: Probed, until: Until) -> None:
    """Not one interval later: a fresh process is not unwell for a second. The verdict is known with it."""
    assert not probed.health.is_known.is_set()
    await until(lambda: probed.health.is_well)
    assert probed.health.is_known.is_set()


async def test_a_layer_that_raises_and_comes_back(probed: Probed, until: Until) -> None:
    """Unwell, and well again by itself."""
    await until(lambda: probed.health.is_well)
    probed.layer.is_broken = True
    await until(lambda: not probed.health.is_well)
    probed.layer.is_broken = False
    await until(lambda: probed.health.is_well)
    # On a busy machine a good layer's probe may be late too: then there are more changes, each told once all the same.
    assert probed.changes[0] is probed.changes[-1] is True
    assert all(now is not before for before, now in pairwise(probed.changes))


async def test_a_layer_that_takes_and_loses(probed: Probed, until: Until) -> None:
    """It answers that all is well; nothing arrives."""
    await until(lambda: probed.health.is_well)
    probed.layer.loses = True
    await until(lambda: not probed.health.is_well)


async def test_a_layer_whose_send_hangs(probed: Probed, until: Until) -> None:
    """Probes do not pile up behind it; well again when it moves; the last one is not left behind."""
    await until(lambda: probed.health.is_well)
    probed.layer.open.clear()
    await until(lambda: not probed.health.is_well)
    tasks = len(asyncio.all_tasks())
    await asyncio.sleep(healths.PROBE_SECONDS * 5)
    assert len(asyncio.all_tasks()) == tasks
    probed.layer.open.set()
    await until(lambda: probed.health.is_well)
    probed.layer.open.clear()
    await until(lambda: not probed.health.is_well)


async def test_an_old_probe_says_nothing(probed: Probed, until: Until, monkeypatch: pytest.MonkeyPatch) -> None:
    """A layer that is late by one probe brings something each time, and never the one that is asked for."""
    await until(lambda: probed.health.is_well)
    send, late = probed.layer.send, [0]

    async def send_the_one_before(channel: str, message: dict[str, Any]) -> None:
        late.append(message["number"])
        await send(channel, {**message, "number": late[-2]})

    monkeypatch.setattr(probed.layer, "send", send_the_one_before)
    await until(lambda: not probed.health.is_well)
    changes = len(probed.changes)
    await until(lambda: len(late) > 6)
    assert len(probed.changes) == changes


async def test_without_a_channel_it_is_unwell(probed: Probed, until: Until) -> None:
    """The hub is being rebuilt."""
    await until(lambda: probed.health.is_well)
    probed.has_channel.clear()
    await until(lambda: not probed.health.is_well)


async def test_without_a_layer_it_is_never_well() -> None:
    """And there is nothing to probe."""
    health = LayerHealth(layer=None, changed=lambda _: None)

    async def channel() -> str:
        return "c"

    await health.run(channel)
    assert not health.is_well


async def test_a_layer_that_raises_is_unwell_and_no_fault(
    probed: Probed, until: Until, caplog: pytest.LogCaptureFixture
) -> None:
    """Each probe that it does not take would be a traceback in the log, as long as Redis is away."""
    await until(lambda: probed.health.is_well)
    probed.layer.is_broken = True
    await until(lambda: not probed.health.is_well)
    number = probed.health._number
    await until(lambda: probed.health._number > number + 1)
    gc.collect()
    assert [record.message for record in caplog.records if record.name == "asyncio"] == []


def test_a_layer_that_is_well_is_probed_once_a_second() -> None:
    """Each instance does it, for ever: it must cost nothing."""
    loop, probes = VirtualLoop(), []

    class Echo:
        async def send(self, channel: str, message: dict[str, Any]) -> None:
            probes.append(channel)
            if len(probes) < 1_000:  # else they had no pause, and the test no end
                health.received(message["number"])

    async def channel() -> str:
        return "mine"

    health = LayerHealth(layer=Echo(), changed=lambda _: None)
    loop.create_task(health.run(channel))
    loop.wait(60 * healths.PROBE_SECONDS)
    loop.end()
    assert 59 <= len(probes) <= 61


async def test_who_waits_for_a_verdict_of_a_process_that_ends_has_it() -> None:
    """There will be none: a readiness check must not hold the process up."""
    health = LayerHealth(layer=Scripted(), changed=lambda _: None)
    asked = asyncio.Event()

    async def channel() -> str:
        asked.set()
        await asyncio.Event().wait()
        return "never"

    running = asyncio.create_task(health.run(channel))
    await asked.wait()
    assert not health.is_known.is_set()
    running.cancel()
    await asyncio.wait([running])
    assert health.is_known.is_set()
