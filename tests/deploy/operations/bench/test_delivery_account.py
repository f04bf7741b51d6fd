"""The account of deliveries: one that is missing, twice, or out of order is never a figure."""

from dataclasses import dataclass

import pytest

from deploy.operations.bench.load.delivery_account import DeliveryAccount, LostError, Message, percentile
from deploy.operations.bench.load.dialects import Heard


@dataclass
class Someone:
    """A member, as far as the account knows one."""

    index: int
    position: int = 0


def test_message_ends_when_everybody_has_it() -> None:
    """Nothing is missing then, and every delivery has its latency."""
    account = DeliveryAccount(acknowledges=False)
    moves: list[tuple[int, bool]] = []

    def moved(message: Message, everybody: bool) -> None:
        moves.append((message.number, everybody))

    account.moved = moved
    number = account.begin(lane=0, sender=1, room=range(3))
    assert account.missing == 3
    for index in (0, 1, 2):
        account.delivered(Someone(index), Heard((number,)))
    assert account.missing == 0
    assert moves == [(number, False), (number, True)]  # stored when the sender has it, then with everybody
    assert (account.tally.messages, account.tally.frames, len(account.tally.deliveries)) == (1, 3, 3)


def test_message_is_under_way_until_its_sender_is_told() -> None:
    """Where the peer acknowledges, the deliveries alone are not all."""
    account = DeliveryAccount(acknowledges=True)
    number = account.begin(lane=0, sender=0, room=range(2))
    for index in (0, 1):
        account.delivered(Someone(index), Heard((number,)))
    assert account.missing == 1
    account.stored(number)
    assert account.missing == 0
    assert len(account.tally.acks) == 1


def test_batch_counts_one_frame() -> None:
    """Frames per message are below one where the peer batches."""
    account = DeliveryAccount(acknowledges=False)
    numbers = tuple(account.begin(lane=0, sender=0, room=range(2)) for _ in range(2))
    one, two = Someone(0, position=6), Someone(1, position=6)
    account.delivered(one, Heard(numbers, 7))
    account.delivered(two, Heard(numbers, 7))
    assert (account.tally.frames, len(account.tally.deliveries)) == (2, 4)
    assert (one.position, two.position) == (8, 8)


def test_second_delivery_is_told() -> None:
    """The same message twice to one member ends the run, before everybody has it and after."""
    account = DeliveryAccount(acknowledges=False)
    number = account.begin(lane=0, sender=0, room=range(2))
    account.delivered(Someone(0), Heard((number,)))
    with pytest.raises(LostError, match="twice"):
        account.delivered(Someone(0), Heard((number,)))
    account.delivered(Someone(1), Heard((number,)))
    with pytest.raises(LostError, match="which everybody had"):
        account.delivered(Someone(1), Heard((number,)))


def test_gap_is_told() -> None:
    """A seq that does not continue what the member has ends the run."""
    account = DeliveryAccount(acknowledges=False)
    number = account.begin(lane=0, sender=0, room=range(2))
    with pytest.raises(LostError, match="has seq 3 and was given 5"):
        account.delivered(Someone(0, position=3), Heard((number,), 5))


def test_message_of_another_room_is_told() -> None:
    """A member who is not in the room must not have it."""
    account = DeliveryAccount(acknowledges=False)
    number = account.begin(lane=1, sender=4, room=range(4, 8))
    with pytest.raises(LostError, match="not theirs"):
        account.delivered(Someone(3), Heard((number,)))


def test_second_acknowledgement_is_told() -> None:
    """Every `sent` comes once."""
    account = DeliveryAccount(acknowledges=True)
    number = account.begin(lane=0, sender=0, room=range(2))
    account.stored(number)
    with pytest.raises(LostError, match="acknowledged twice"):
        account.stored(number)


def test_percentile() -> None:
    """The value that this share is not above."""
    values = list(range(1, 101))
    assert (percentile(values, 0.5), percentile(values, 0.99), percentile([], 0.5)) == (51, 100, 0.0)
