"""A graceful stop that ends a socket unasked is found, and nothing else is."""

from deploy.operations.drill.checker import check
from deploy.operations.drill.graceful import cut_violations
from deploy.operations.drill.journal import Closed, Connected, Drained, Journal, Log
from deploy.operations.drill.verdict import Window

WINDOW = Window(10.0, 20.0)


def journal(*events: Connected | Drained | Closed) -> Journal:
    """Return a journal with these events."""
    made = Journal("w")
    made.events.extend(events)
    return made


def connected(at: float) -> Connected:
    """Return a welcome."""
    return Connected(mono=at, instance="web-1", you=1)


def names(*events: Connected | Drained | Closed) -> list[str]:
    """Return the violations of a journal, by name."""
    return [violation.name for violation in cut_violations(journal(*events), WINDOW)]


def test_closed_without_being_asked() -> None:
    """1006 and 1012 out of the blue are cuts."""
    assert names(connected(1), Closed(mono=12, code=1006)) == ["cut"]
    assert names(connected(1), Closed(mono=12, code=1012)) == ["cut"]


def test_asked_first() -> None:
    """What was asked before it was ended was not cut; the next socket has to be asked anew."""
    asked = (connected(1), Drained(mono=11, within_ms=250), Closed(mono=12, code=1012))
    assert names(*asked) == []
    assert names(*asked, connected(13), Closed(mono=14, code=1006)) == ["cut"]


def test_own_close_and_earlier_ones() -> None:
    """A client's own close, one before the window, and a handshake that came to nothing are no cuts."""
    assert names(connected(1), Closed(mono=12, code=1000)) == []
    assert names(connected(1), Closed(mono=9, code=1006)) == []
    assert names(Closed(mono=12, code=1012)) == []


def test_only_a_graceful_fault_is_judged_so() -> None:
    """After a kill the same journal has no such violation."""
    one = journal(connected(1), Closed(mono=12, code=1006))
    assert check([one], Log("lobby", "e", 0, ()), WINDOW, graceful=True).counts["cut"] == 1
    assert "cut" not in check([one], Log("lobby", "e", 0, ()), WINDOW).counts
