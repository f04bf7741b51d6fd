"""The feed against every interleaving that hypothesis finds, and the same machine against feeds with a guard less."""

from collections.abc import Sequence

import pytest
from hypothesis import Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from realtime.feed import Asked, Feed, Subscriber
from tests.app.realtime.machine import FeedMachine

THOROUGH = settings(max_examples=800, stateful_step_count=40, deadline=None)
# Without shrinking, and the same each time: that it is found is what counts.
FINDS = settings(
    max_examples=1_000, stateful_step_count=40, deadline=None, phases=[Phase.generate], database=None, derandomize=True
)


def test_the_feed_keeps_the_promise() -> None:
    """Appends, losses, repeats, disorder, slow readers, reconnects, deaths, a database that is away."""
    run_state_machine_as_test(FeedMachine, settings=THOROUGH)


class DropsNoRepeats(Feed):
    """Takes whatever is not ahead of it."""

    def offer(self, epoch: str, first: int, entries: Sequence[bytes]) -> None:
        if first <= self.position + 1 and entries:
            self._company.add(entries)
        else:
            super().offer(epoch, first, entries)


class SeesNoGap(Feed):
    """Takes whatever is not behind it."""

    def offer(self, epoch: str, first: int, entries: Sequence[bytes]) -> None:
        if first > self.position + 1:
            self.position = first - 1
        super().offer(epoch, first, entries)


class RepairsNothing(Feed):
    """Waits for what the layer lost."""

    def _start_repair(self) -> None:
        pass


class ForgetsTheSlow(Feed):
    """A socket that was full continues with what comes next."""

    def resumed(self, subscriber: Subscriber) -> None:
        if self.behind.pop(subscriber, None) is not None:
            self.live.add(subscriber)


class LeavesTheEarlyJoiner(Feed):
    """A socket that joined ahead is not taken along."""

    def _take_along(self, start: int, entries: Sequence[bytes]) -> None:
        pass


class JoinsWhereItIs(Feed):
    """Takes no account of where a socket joined."""

    def attach(self, subscriber: Subscriber, position: int, asked: Asked | None = None) -> None:  # noqa: ARG002 (broken)
        super().attach(subscriber, self.position, asked)


class TakesADeadCatchUpAlong(Feed):
    """Does not cancel the catch-up of a socket that left."""

    def detach(self, subscriber: Subscriber) -> None:
        self.live.discard(subscriber)
        self.behind.pop(subscriber, None)


NAMED = r"from \d+: \[|left at \d+ of|not live again|a task failed|no catch-up may fail"


@pytest.mark.parametrize(
    "broken",
    [
        DropsNoRepeats,
        SeesNoGap,
        RepairsNothing,
        ForgetsTheSlow,
        LeavesTheEarlyJoiner,
        JoinsWhereItIs,
        TakesADeadCatchUpAlong,
    ],
)
def test_a_guard_less_is_found(broken: type[Feed]) -> None:
    """The machine can fail: each of these breaks the promise, and it says how."""
    machine = type(f"{broken.__name__}Machine", (FeedMachine,), {"feed_class": broken})
    with pytest.raises(AssertionError, match=NAMED) as found:
        run_state_machine_as_test(machine, settings=FINDS)
    assert isinstance(found.value.__context__, AssertionError | None), "it does not run at all, which proves nothing"
