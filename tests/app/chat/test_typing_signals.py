"""Typing: told at once, and then as one for all that came within a second."""

from types import SimpleNamespace
from typing import Any, cast

import pytest

from chat.limits import TYPING_SECONDS
from chat.typing_signals import TypingSignals
from tests.app.realtime.virtual import VirtualLoop


class Told:
    """A process with one room, and what it tells of who is writing there."""

    def __init__(self) -> None:
        self.loop = VirtualLoop()
        self.written: list[str] = []
        self.published: list[Any] = []
        self.room: Any = SimpleNamespace(room=1, name="hall")
        process = SimpleNamespace(
            hub=SimpleNamespace(
                feeds={1: self.room},
                handlers={},
                publisher=SimpleNamespace(put_signal=lambda **fields: self.published.append(fields)),
            ),
            sockets_in=lambda _: [
                SimpleNamespace(person=9, is_writable=True, write=lambda frame: self.written.append(frame.text))
            ],
        )
        self.process = cast("Any", process)
        self.signals = TypingSignals(self.process)

    def type(self, times: int = 1, *, person: int = 7, name: str = "Ada") -> None:
        """Say so many times at once that somebody is writing."""
        with self.loop.inside():
            for _ in range(times):
                self.signals.tell(self.room, person, name)


@pytest.fixture
def told() -> Any:
    """A process on a loop whose clock jumps."""
    one = Told()
    yield one
    one.loop.end()
    assert one.loop.failures == []


def test_a_flood_is_two(told: Told) -> None:
    """The first at once, one more for all others, under the newest name; and nothing after that."""
    told.type(292)
    told.type(name="Countess")
    assert len(told.written) == len(told.published) == 1
    told.loop.wait(TYPING_SECONDS)
    assert len(told.written) == len(told.published) == 2
    assert "Countess" in told.written[1]
    assert told.published[1]["name"] == "Countess"
    told.loop.wait(10 * TYPING_SECONDS)
    assert len(told.written) == 2
    told.type()
    assert len(told.written) == 3


def test_each_person_is_told_of(told: Told) -> None:
    """One who floods takes nothing from another."""
    told.type(50)
    told.type(person=8)
    assert len(told.written) == 2


def test_a_flood_that_goes_on_is_one_in_a_second(told: Told) -> None:
    """Ten a second for ten seconds."""
    for _ in range(100):
        told.type()
        told.loop.wait(TYPING_SECONDS / 10)
    assert 10 <= len(told.written) <= 11


def test_a_message_or_a_leaving_ends_it(told: Told) -> None:
    """What was not told yet would say that somebody writes who has just sent, or went."""
    told.type(2)
    told.signals.stop(1, 7)
    told.signals.stop(1, 8)
    told.loop.wait(TYPING_SECONDS)
    assert len(told.written) == 1
    told.type(2)
    del told.process.hub.feeds[1]
    told.loop.wait(TYPING_SECONDS)
    assert len(told.written) == 2
