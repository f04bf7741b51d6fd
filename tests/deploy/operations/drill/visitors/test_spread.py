"""Ends of sockets: what counts as spread, and what as a herd."""

import random

import pytest

from deploy.operations.drill.visitors.spread import bunched

WINDOW = 5.0
BATCHES = 20  # of a drain of this window: app/parley_serving/drain.py


def drained(sockets: int, instances: int, seed: int) -> list[float]:
    """Give the moments of a drain of all instances together, as they do it."""
    rng = random.Random(seed)
    ends: list[float] = []
    for number in range(instances):
        left = len(range(number, sockets, instances))
        for batch in range(BATCHES):
            size = -(-left // (BATCHES - batch))
            left -= size
            ends += [(batch + rng.random()) * WINDOW / BATCHES for _ in range(size)]
    return ends


@pytest.mark.parametrize(("sockets", "instances"), [(1, 1), (4, 2), (50, 1), (100, 2), (100, 3), (200, 2), (1000, 4)])
def test_a_drain_is_spread(sockets: int, instances: int) -> None:
    """However many there are."""
    for seed in range(50):
        assert bunched(drained(sockets, instances, seed), WINDOW, instances, 0) == ""


@pytest.mark.parametrize(("sockets", "instances"), [(10, 2), (50, 1), (100, 2), (1000, 4)])
def test_a_herd_is_none(sockets: int, instances: int) -> None:
    """All at once, and half of them at once."""
    assert f"{sockets} of {sockets} sockets ended" in bunched([3.0] * sockets, WINDOW, instances, 0)
    half = drained(sockets, instances, 1)
    half[: sockets // 2] = [3.0] * (sockets // 2)
    assert sockets < 20 or bunched(half, WINDOW, instances, 0)


def test_two_drains_one_after_the_other() -> None:
    """Each has its own window: those of the second are no excuse for a herd in the first."""
    one = drained(50, 1, 1)
    later = [30 + at for at in drained(50, 1, 2)]
    assert bunched(one + later, WINDOW, 2, 0) == ""
    assert bunched([3.0] * 50 + later, WINDOW, 2, 0)


def test_a_machine_that_stood_still() -> None:
    """What is seen late is seen at once; and where there is no window nothing is spread."""
    late = [max(at, 1.0) for at in drained(100, 1, 1)]
    assert bunched(late, WINDOW, 1, 0)
    assert bunched(late, WINDOW, 1, 1.0) == ""
    assert bunched([3.0] * 50, 0, 1, 0) == ""
    assert bunched([], WINDOW, 1, 0) == ""
