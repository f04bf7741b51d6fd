"""Letting every socket go: told over the window, closed at its end, done early when they are gone."""

import math
from collections.abc import Iterator
from typing import Any

import pytest

from realtime.drain import BATCH_SECONDS, drain
from realtime.frame import Frame
from realtime.socket import RESTART, Socket, Sockets
from tests.app.realtime.virtual import VirtualLoop

WINDOW = 5.0


@pytest.fixture
def loop() -> Iterator[VirtualLoop]:
    """A loop whose window costs no time."""
    loop = VirtualLoop()
    yield loop
    loop.end()


class Peer:
    """An outlet that records when it was told and how it was closed."""

    is_writable = True
    on_writable = None

    def __init__(self, loop: VirtualLoop, sockets: Sockets, *, obeys: bool) -> None:
        self.loop, self.sockets, self.obeys = loop, sockets, obeys
        self.told: list[tuple[float, int]] = []
        self.closed: list[tuple[float, int]] = []
        self.socket = Socket(self)
        sockets.add(self.socket)

    def write(self, frame: Frame) -> None:
        within = int(frame.payload)
        self.told.append((self.loop.time(), within))
        if self.obeys:
            self.loop.call_later(within / 2000, self.sockets.discard, self.socket)

    def close(self, code: int, reason: str = "") -> None:  # noqa: ARG002 (an outlet)
        self.closed.append((self.loop.time(), code))

    def abort(self) -> None:
        pass


def drained(loop: VirtualLoop, sockets: Sockets, window: float = WINDOW) -> dict[str, int]:
    """Drain, and return what was counted."""
    counted: dict[str, int] = {}

    def count(name: str, number: int) -> None:
        counted[name] = counted.get(name, 0) + number

    loop.run_until_complete(
        drain(sockets, window=window, frame=lambda within: Frame(str(within).encode()), count=count)
    )
    return counted


def peers(loop: VirtualLoop, sockets: Sockets, number: int, **options: Any) -> list[Peer]:
    """So many sockets."""
    return [Peer(loop, sockets, **options) for _ in range(number)]


def test_500_sockets_are_told_evenly_over_the_window(loop: VirtualLoop) -> None:
    """The moments that the server asks for are as good as spread: each batch within its own part of the window."""
    sockets = Sockets()
    everybody = peers(loop, sockets, 500, obeys=True)
    counted = drained(loop, sockets)
    batches = math.ceil(WINDOW / BATCH_SECONDS)
    per_batch: dict[int, int] = {}
    for peer in everybody:
        [(at, within)] = peer.told
        assert not peer.closed
        assert 0 < at + within / 1000 <= WINDOW + 0.01
        per_batch[round(at / BATCH_SECONDS)] = per_batch.get(round(at / BATCH_SECONDS), 0) + 1
    assert per_batch == dict.fromkeys(range(batches), 500 // batches)
    assert counted == {"drain_batches": batches, "drain_stragglers": 0}


def test_it_ends_as_soon_as_nobody_is_left(loop: VirtualLoop) -> None:
    """An instance with one socket does not wait five seconds for it."""
    sockets = Sockets()
    peers(loop, sockets, 1, obeys=True)
    drained(loop, sockets)
    assert loop.time() < 2 * BATCH_SECONDS
    started = loop.time()
    assert drained(loop, sockets) == {"drain_stragglers": 0}
    assert loop.time() == started


def test_who_stays_is_closed_with_1012_at_the_end(loop: VirtualLoop) -> None:
    """Told once, closed once."""
    sockets = Sockets()
    obedient, deaf = peers(loop, sockets, 5, obeys=True), peers(loop, sockets, 5, obeys=False)
    counted = drained(loop, sockets)
    assert counted["drain_stragglers"] == 5
    assert loop.time() == pytest.approx(WINDOW, abs=0.01)
    assert all(len(peer.told) == 1 and peer.closed == [(loop.time(), RESTART)] for peer in deaf)
    assert not any(peer.closed for peer in obedient)


def test_who_left_before_its_turn_is_not_told(loop: VirtualLoop) -> None:
    """And the rest is spread over what is left of the window."""
    sockets = Sockets()
    everybody = peers(loop, sockets, 40, obeys=False)
    for peer in everybody[20:]:
        loop.call_later(1.0, sockets.discard, peer.socket)
    drained(loop, sockets)
    assert sum(len(peer.told) for peer in everybody[20:]) == 0
    assert all(len(peer.told) == 1 for peer in everybody[:20])


def test_without_a_window_all_are_closed_at_once(loop: VirtualLoop) -> None:
    """Nobody is told to come back within nothing."""
    sockets = Sockets()
    everybody = peers(loop, sockets, 3, obeys=True)
    assert drained(loop, sockets, window=0) == {"drain_stragglers": 3}
    assert all(peer.closed == [(0.0, RESTART)] and not peer.told for peer in everybody)
