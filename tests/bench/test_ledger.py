"""The account of deliveries: one that is missing, twice, or out of order is never a figure."""

from dataclasses import dataclass

import pytest

from deploy.bench.load.dialects import Heard
from deploy.bench.load.ledger import Ledger, LostError, Message, percentile


@dataclass
class Someone:
    """A member, as far as the ledger knows one."""

    index: int
    position: int = 0


def test_message_ends_when_everybody_has_it() -> None:
    """Nothing is missing then, and every delivery has its latency."""
    ledger = Ledger(acknowledges=False)
    moves: list[tuple[int, bool]] = []

    def moved(message: Message, everybody: bool) -> None:
        moves.append((message.number, everybody))

    ledger.moved = moved
    number = ledger.begin(lane=0, sender=1, room=range(3))
    assert ledger.missing == 3
    for index in (0, 1, 2):
        ledger.delivered(Someone(index), Heard((number,)))
    assert ledger.missing == 0
    assert moves == [(number, False), (number, True)]  # stored when the sender has it, then with everybody
    assert (ledger.tally.messages, ledger.tally.frames, len(ledger.tally.deliveries)) == (1, 3, 3)


def test_message_is_under_way_until_its_sender_is_told() -> None:
    """Where the side acknowledges, the deliveries alone are not all."""
    ledger = Ledger(acknowledges=True)
    number = ledger.begin(lane=0, sender=0, room=range(2))
    for index in (0, 1):
        ledger.delivered(Someone(index), Heard((number,)))
    assert ledger.missing == 1
    ledger.stored(number)
    assert ledger.missing == 0
    assert len(ledger.tally.acks) == 1


def test_batch_counts_one_frame() -> None:
    """Frames per message are below one where the side batches."""
    ledger = Ledger(acknowledges=False)
    numbers = tuple(ledger.begin(lane=0, sender=0, room=range(2)) for _ in range(2))
    one, two = Someone(0, position=6), Someone(1, position=6)
    ledger.delivered(one, Heard(numbers, 7))
    ledger.delivered(two, Heard(numbers, 7))
    assert (ledger.tally.frames, len(ledger.tally.deliveries)) == (2, 4)
    assert (one.position, two.position) == (8, 8)


def test_second_delivery_is_told() -> None:
    """The same message twice to one member ends the run, before everybody has it and after."""
    ledger = Ledger(acknowledges=False)
    number = ledger.begin(lane=0, sender=0, room=range(2))
    ledger.delivered(Someone(0), Heard((number,)))
    with pytest.raises(LostError, match="twice"):
        ledger.delivered(Someone(0), Heard((number,)))
    ledger.delivered(Someone(1), Heard((number,)))
    with pytest.raises(LostError, match="which everybody had"):
        ledger.delivered(Someone(1), Heard((number,)))


def test_gap_is_told() -> None:
    """A seq that does not continue what the member has ends the run."""
    ledger = Ledger(acknowledges=False)
    number = ledger.begin(lane=0, sender=0, room=range(2))
    with pytest.raises(LostError, match="has seq 3 and was given 5"):
        ledger.delivered(Someone(0, position=3), Heard((number,), 5))


def test_message_of_another_room_is_told() -> None:
    """A member who is not in the room must not have it."""
    ledger = Ledger(acknowledges=False)
    number = ledger.begin(lane=1, sender=4, room=range(4, 8))
    with pytest.raises(LostError, match="not theirs"):
        ledger.delivered(Someone(3), Heard((number,)))


def test_second_acknowledgement_is_told() -> None:
    """Every `sent` comes once."""
    ledger = Ledger(acknowledges=True)
    number = ledger.begin(lane=0, sender=0, room=range(2))
    ledger.stored(number)
    with pytest.raises(LostError, match="acknowledged twice"):
        ledger.stored(number)


def test_percentile() -> None:
    """The value that this share is not above."""
    values = list(range(1, 101))
    assert (percentile(values, 0.5), percentile(values, 0.99), percentile([], 0.5)) == (51, 100, 0.0)
