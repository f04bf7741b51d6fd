"""The account of every delivery: each message once to each member of its room, and in order where there is an order."""

import time
from array import array
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from deploy.operations.bench.load.dialects import Heard


class LostError(Exception):
    """A delivery is missing, came twice, or came out of order: there is no figure for such a run."""


class Reader(Protocol):
    """What the account knows of a member."""

    index: int
    position: int


@dataclass(slots=True)
class Message:
    """One message under way: when it was sent, by whom, to whom, and who has it."""

    number: int
    lane: int
    sender: int
    first: int  # its room's members have the indexes first, first+1, …
    left: int
    seen: bytearray
    at: float
    stored: bool = False


@dataclass
class Tally:
    """What one window counted; latencies in seconds."""

    messages: int = 0
    frames: int = 0
    deliveries: "array[float]" = field(default_factory=lambda: array("d"))
    acks: "array[float]" = field(default_factory=lambda: array("d"))


class DeliveryAccount:
    """Knows what is under way; calls `moved` when a message is stored or has reached everybody."""

    def __init__(self, *, acknowledges: bool) -> None:
        self.tally = Tally()
        self.moved: Callable[[Message, bool], None] = lambda message, everybody: None  # noqa: ARG005 (nobody waits)
        self._acknowledges = acknowledges
        self._under_way: dict[int, Message] = {}
        self._number = 0

    def begin(self, *, lane: int, sender: int, room: range) -> int:
        """Enter a message that is being sent, and give its number."""
        self._number += 1
        message = Message(self._number, lane, sender, room.start, len(room), bytearray(len(room)), time.perf_counter())
        self._under_way[self._number] = message
        self.tally.messages += 1
        return self._number

    @property
    def missing(self) -> int:
        """How many deliveries are under way, and acknowledgements."""
        return sum(max(message.left, 1) for message in self._under_way.values())

    def delivered(self, member: Reader, heard: Heard) -> None:
        """Enter what one frame brought to one member; raises LostError."""
        now = time.perf_counter()
        tally = self.tally
        tally.frames += 1
        if heard.first:
            if heard.first != member.position + 1:
                raise LostError(f"member {member.index} has seq {member.position} and was given {heard.first}")
            member.position += len(heard.numbers)
        for number in heard.numbers:
            message = self._under_way.get(number)
            if message is None:
                raise LostError(f"member {member.index} was given message {number}, which everybody had")
            seat = member.index - message.first
            if not 0 <= seat < len(message.seen) or message.seen[seat]:
                raise LostError(f"member {member.index} was given message {number}, not theirs or twice")
            message.seen[seat] = 1
            message.left -= 1
            tally.deliveries.append(now - message.at)
            if not self._acknowledges and member.index == message.sender:
                self._store(message, now)
            if not message.left:
                self._complete(message)

    def stored(self, number: int) -> None:
        """Enter that the sender was told; raises LostError."""
        message = self._under_way.get(number)
        if message is None or message.stored:
            raise LostError(f"message {number} was acknowledged twice")
        self._store(message, time.perf_counter())
        if not message.left:
            self._end(message)

    def _store(self, message: Message, now: float) -> None:
        message.stored = True
        self.tally.acks.append(now - message.at)
        self.moved(message, False)

    def _complete(self, message: Message) -> None:
        if message.stored:
            self._end(message)
        self.moved(message, True)

    def _end(self, message: Message) -> None:
        del self._under_way[message.number]


def percentile(values: Sequence[float], share: float) -> float:
    """Give the value that this share of all is not above; 0 of none."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))] if ordered else 0.0
