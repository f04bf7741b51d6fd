"""What a process runs for all its sockets, put together."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping
from types import SimpleNamespace
from typing import Any

import pytest
from prometheus_client import REGISTRY

from parley_serving.application import running
from parley_serving.protocol import RESTART, PreparedProtocol
from realtime import presence, process
from realtime.feed import Feed
from realtime.frame import Frame
from realtime.hub import Head
from realtime.process import Process
from realtime.socket import TOO_SLOW, Socket, Sockets
from realtime.socket_writer import PreparedSocketWriter
from tests.app.realtime.fakes import EPOCH, MemoryLog
from tests.app.realtime.layers import Scripted
from tests.app.realtime.test_socket import Recorder

Until = Callable[[Callable[[], object]], Awaitable[None]]


def told(name: str, count: int, joined: Mapping[int, str], left: Mapping[int, str], guests: Collection[int]) -> Frame:
    """What a room's sockets read of its people."""
    came, went = ([f"{one}g" if one in guests else str(one) for one in sorted(who)] for who in (joined, left))
    return Frame(f"{name} {count} +{','.join(came)} -{','.join(went)}".encode())


class Running:
    """A process, and what it said as it ended."""

    def __init__(self, layer: Any) -> None:
        self.said: list[str] = []
        self.sockets = Sockets()
        log = MemoryLog()
        log.rooms[1] = Head(EPOCH, 0)
        self.process = Process(
            sockets=self.sockets,
            layer=layer,
            source=log,
            presence_frame=told,
            drain_frame=lambda within: Frame(f"drain {within}".encode()),
            closed=self._closed,
        )

    async def _closed(self) -> None:
        self.said.append("closed")

    def feed(self) -> Feed:
        """The feed of room 1."""
        return self.process.hub.feed(room=1, name="lobby", head=Head(EPOCH, 0))

    def enter(self) -> tuple[Socket, Recorder]:
        """A socket that reads room 1."""
        writer = Recorder()
        socket = Socket(writer)
        self.sockets.add(socket)
        self.feed().attach(socket, 0)
        return socket, writer


@pytest.fixture
async def alone(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Running]:
    """A process without a layer, whose people come and go within moments."""
    for name, seconds in {"TICK_SECONDS": 0.01, "GRACE_SECONDS": 0.0, "SETTLE_SECONDS": 0.05}.items():
        monkeypatch.setattr(presence, name, seconds)
    monkeypatch.setattr(process, "SWEEP_SECONDS", 0.01)
    one = Running(None)
    one.process.start()
    yield one
    await one.process.stop()


async def test_without_a_layer_people_come_and_go(alone: Running, until: Until) -> None:
    """There is nobody else whose renewals could be missing. A socket that reads too slowly is told nothing."""
    _, reads = alone.enter()
    slow, full = alone.enter()
    slow.is_writable = False
    alone.process.presence.enter(1, 7, "p7", guest=True)
    alone.process.presence.enter(1, 8, "p7")
    await until(lambda: reads.written)
    alone.process.presence.leave(1, 7)
    await until(lambda: len(reads.written) > 1)
    assert reads.written == [b"lobby 2 +7g,8 -", b"lobby 1 + -7g"]
    assert set(alone.process.presence.guests(1)) == set()
    assert full.written == []


async def test_who_reads_nothing_is_swept(alone: Running, until: Until, monkeypatch: pytest.MonkeyPatch) -> None:
    """And counted; who reads stays."""
    monkeypatch.setattr("realtime.socket.STUCK_SECONDS", 0.0)
    before = REGISTRY.get_sample_value("parley_stuck_total") or 0
    _, stuck = alone.enter()
    _, reads = alone.enter()
    stuck.fill()
    await until(lambda: stuck.closed)
    assert (stuck.closed, reads.closed) == ([TOO_SLOW], [])
    await until(lambda: (REGISTRY.get_sample_value("parley_stuck_total") or 0) == before + 1)


async def test_a_drain_asks_it_for_the_sockets_that_it_knows(alone: Running) -> None:
    """They are told in how many milliseconds to come back, or closed; the other connections are given back."""
    mine, other, unasked = (Connection() for _ in range(3))
    for one in (mine, unasked):
        alone.sockets.add(Socket(PreparedSocketWriter(one)))
    assert alone.process.tell([other, mine], 0.2501) == [other]
    assert (mine.written, unasked.written, other.written) == ([b"drain 251"], [], [])
    assert alone.process.close([mine, other]) == [other]
    assert (mine.closed, unasked.closed, other.closed) == ([RESTART], [], [])


class Connection(PreparedProtocol):
    """What the server has of a socket, without a server."""

    def __init__(self) -> None:
        self.written: list[bytes] = []
        self.closed: list[int] = []
        self.writable = asyncio.Event()
        self.writable.set()
        self.transport = SimpleNamespace(write=lambda wire: self.written.append(wire[2:]))  # type: ignore[assignment]

    def forget_handshake(self) -> None:
        """There was none."""

    def close(self, code: int, reason: str = "") -> None:  # noqa: ARG002 (the protocol's)
        self.closed.append(code)

    def abort(self) -> None:
        """There is nobody to cut."""


async def test_it_shows_what_it_has(alone: Running) -> None:
    """Each state by its name, as it is when it is asked for."""
    alone.enter()
    alone.enter()
    alone.process.presence.enter(1, 7, "p7")
    feed = alone.feed()
    feed.attach(next(iter(alone.sockets)), 5)

    def shown() -> dict[str, float | None]:
        names = ("sockets", "subscriptions", "behind", "feeds", "groups", "people", "layer_well")
        return {name: REGISTRY.get_sample_value(f"parley_{name}") for name in names}

    assert shown() == {
        "sockets": 2, "subscriptions": 2, "behind": 1, "feeds": 1, "groups": 0, "people": 1, "layer_well": 0,
    }  # fmt: skip


async def test_people_of_another_process_are_heard_of_through_the_layer(until: Until) -> None:
    """And what was started ends with it: nothing of it runs on, and what was given to close is closed, last."""
    before = asyncio.all_tasks()
    layer = Scripted()
    one, other = Running(layer), Running(layer)
    for each in (one, other):
        each.process.start()
    await until(lambda: one.process.hub.health.is_well and other.process.hub.health.is_well)
    assert running() is other.process
    _, reads = one.enter()
    one.process.presence.enter(1, 6, "p6")
    await until(lambda: b"lobby 1 +6 -" in reads.written)
    other.enter()
    other.process.presence.enter(1, 7, "p7", guest=True)
    await until(lambda: b"lobby 2 +7g -" in reads.written)
    assert REGISTRY.get_sample_value("parley_groups") == 1
    for each in (one, other):
        await each.process.stop()
        assert each.said == ["closed"]
    assert asyncio.all_tasks() == before
