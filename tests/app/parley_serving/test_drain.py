"""Letting every connection go: told over the window, done early when they are gone."""

import logging
import math
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest

from parley_serving.drain import BATCH_SECONDS, LOOK_SECONDS, drain
from tests.app.realtime.virtual import VirtualLoop

WINDOW = 5.0


@pytest.fixture
def loop() -> Iterator[VirtualLoop]:
    """A loop whose window costs no time."""
    loop = VirtualLoop()
    yield loop
    loop.end()


@dataclass
class House:
    """Who is there, and who was told when, and within what time."""

    loop: VirtualLoop
    there: list[int]
    obeys: bool = True
    told: dict[int, tuple[float, float]] = field(default_factory=dict)
    counted: dict[str, int] = field(default_factory=dict)

    def waiting(self) -> list[int]:
        return [one for one in self.there if one not in self.told]

    def tell(self, batch: list[int], seconds: float) -> None:
        for one in batch:
            assert one not in self.told
            self.told[one] = (self.loop.time(), seconds)
            if self.obeys:
                self.loop.call_later(seconds / 2, self.there.remove, one)

    def count(self, name: str, number: int) -> None:
        self.counted[name] = self.counted.get(name, 0) + number

    def empty(self, window: float = WINDOW) -> None:
        run = drain(self.waiting, window=window, is_over=lambda: not self.there, tell=self.tell, count=self.count)
        self.loop.run_until_complete(run)

    def batches(self) -> dict[int, int]:
        """Return how many were told in each batch's time."""
        numbers = [round(at / BATCH_SECONDS) for at, _ in self.told.values()]
        return {number: numbers.count(number) for number in numbers}


def test_500_are_told_evenly_over_the_window(loop: VirtualLoop, caplog: pytest.LogCaptureFixture) -> None:
    """The moments that the server asks for are as good as spread: each batch within its own part of the window."""
    caplog.set_level(logging.INFO)
    house = House(loop, list(range(500)))
    house.empty()
    batches = math.ceil(WINDOW / BATCH_SECONDS)
    assert caplog.messages[0].startswith(f"drain batch=1 of={batches} ")
    assert caplog.messages[-1].startswith(f"drain batch={batches} of={batches} ")
    assert house.batches() == dict.fromkeys(range(batches), 500 // batches)
    assert all(0 < at + seconds <= WINDOW + 0.01 for at, seconds in house.told.values())
    assert list(house.told) == list(range(500))  # as `waiting` has them: the oldest first
    assert house.counted == {"drain_batches": batches}


def test_it_ends_as_soon_as_nobody_is_left(loop: VirtualLoop) -> None:
    """An instance with one socket does not wait five seconds for it."""
    House(loop, [1]).empty()
    assert loop.time() < 2 * BATCH_SECONDS
    started, nobody = loop.time(), House(loop, [])
    nobody.empty()
    assert loop.time() == started
    assert nobody.counted == {}


def test_it_waits_for_who_stays_to_the_end(loop: VirtualLoop) -> None:
    """Each told once; what becomes of them is the caller's."""
    house = House(loop, list(range(10)), obeys=False)
    house.empty()
    assert loop.time() == pytest.approx(WINDOW, abs=2 * LOOK_SECONDS)
    assert len(house.told) == len(house.there) == 10


def test_who_left_before_its_turn_is_not_told(loop: VirtualLoop) -> None:
    """And the rest is spread over what is left of the window."""
    house = House(loop, list(range(40)), obeys=False)
    loop.call_later(1.0, lambda: house.there.__delitem__(slice(20, None)))
    house.empty()
    assert set(house.told) == set(range(20))


def test_who_comes_meanwhile_is_told_too(loop: VirtualLoop) -> None:
    """A handshake that was under way, spread over what is left."""
    house = House(loop, list(range(40)))
    loop.call_later(2.4, house.there.extend, range(40, 60))
    house.empty()
    assert len(house.told) == 60
    assert max(house.batches().values()) <= 5


def test_it_looks_as_often_as_it_is_asked_to(loop: VirtualLoop) -> None:
    """Where a look costs a scan of every socket: before and after each batch, not 50 times a second."""
    house, looks = House(loop, list(range(10)), obeys=False), 0

    def is_over() -> bool:
        nonlocal looks
        looks += 1
        return False

    loop.run_until_complete(
        drain(house.waiting, window=WINDOW, is_over=is_over, tell=house.tell, count=house.count, look=BATCH_SECONDS)
    )
    assert loop.time() == pytest.approx(WINDOW)
    assert looks <= 4 * WINDOW / BATCH_SECONDS


def test_without_a_window_nobody_is_told(loop: VirtualLoop) -> None:
    """Nobody is asked to come back within nothing: the caller closes all of them."""
    house = House(loop, [1, 2, 3])
    house.empty(window=0)
    assert not house.told
    assert loop.time() == 0
