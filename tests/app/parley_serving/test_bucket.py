"""So many at once, so many a second."""

import gc
from collections.abc import Callable

import pytest

from parley_serving.bucket import Bucket, Buckets


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Set the time."""
    now = [100.0]
    monkeypatch.setattr("parley_serving.bucket.time.monotonic", lambda: now[0])

    def pass_by(seconds: float) -> None:
        now[0] += seconds

    return pass_by


def test_a_burst_and_then_the_rate(clock: Callable[[float], None]) -> None:
    """Who comes above it is told how long to wait, and that is enough."""
    bucket = Bucket(rate=10, burst=5)
    assert [bucket.take() for _ in range(5)] == [0.0] * 5
    wait = bucket.take()
    assert wait == pytest.approx(0.1)
    clock(wait + 1e-6)  # a float's rounding
    assert bucket.take() == 0.0
    assert bucket.take() > 0


def test_it_never_holds_more_than_the_burst(clock: Callable[[float], None]) -> None:
    """A night of silence is no credit."""
    bucket = Bucket(rate=10, burst=5)
    clock(36_000)
    assert sum(bucket.take() == 0.0 for _ in range(20)) == 5


def test_refusals_cost_nothing(clock: Callable[[float], None]) -> None:
    """Asking in vain does not put off the next token."""
    bucket = Bucket(rate=1, burst=1)
    bucket.take()
    for _ in range(9):
        clock(0.1)
        assert bucket.take() > 0
    clock(0.11)
    assert bucket.take() == 0.0


def test_all_sockets_of_a_person_share_a_bucket(clock: Callable[[float], None]) -> None:
    """What one takes the other lacks; somebody else has their own."""
    buckets = Buckets(rate=1, burst=3)
    one, two, other = buckets.of(1), buckets.of(1), buckets.of(2)
    assert [one.take(), two.take(), one.take()] == [0.0] * 3
    assert one.take() > 0
    assert two.take() > 0
    assert other.take() == 0.0


def test_a_bucket_goes_with_its_last_socket(clock: Callable[[float], None]) -> None:
    """A process that everybody visited once does not keep them all; whoever holds a socket keeps what is left in it."""
    buckets = Buckets(rate=1, burst=1)
    held = buckets.of(1)
    held.take()
    for person in range(2, 100):
        buckets.of(person)
    gc.collect()
    assert len(buckets) == 1
    assert buckets.of(1).take() > 0
