"""The messages of one client in one room that are not acknowledged yet, in the order in which they were asked for."""

from dataclasses import dataclass
from enum import Enum, auto


class State(Enum):
    """Where a message of the outbox stands."""

    NEW = auto()  # to be written on this socket
    WRITTEN = auto()  # written, no answer yet
    HELD = auto()  # refused for now: to be repeated alone, when its time has come
    ALONE = auto()  # repeated alone: nothing behind it is written until it is answered


@dataclass
class Message:
    """One message with the key it keeps for ever; `due` is when it may be written, or must have been answered."""

    key: str
    text: str
    state: State = State.NEW
    due: float = 0.0


class Outbox:
    """Decides what to write next; pure, the time is always given."""

    def __init__(self, answer_seconds: float = 10.0) -> None:
        self.answer_seconds = answer_seconds
        self.messages: dict[str, Message] = {}

    def __len__(self) -> int:
        return len(self.messages)

    def add(self, key: str, text: str) -> None:
        """Put a message at the end."""
        self.messages[key] = Message(key, text)

    def joined(self) -> None:
        """Begin anew on a fresh socket: all of it is written again, in order, with the same keys."""
        for message in self.messages.values():
            message.state = State.NEW

    def sent(self, key: str) -> None:
        """Forget a message that was acknowledged, or that the server will never take."""
        self.messages.pop(key, None)

    def hold(self, key: str, until: float) -> None:
        """Keep back a message that was refused for now, and with it all that is behind it."""
        if message := self.messages.get(key):
            message.state, message.due = State.HELD, until

    def next(self, now: float) -> Message | None:
        """Give the message to write now, marked as written; None when there is nothing to write yet."""
        for message in self.messages.values():
            overdue = message.state in {State.WRITTEN, State.ALONE} and now >= message.due
            if message.state is State.NEW:
                return self._write(message, State.WRITTEN, now)
            if overdue or (message.state is State.HELD and now >= message.due):
                return self._write(message, State.ALONE, now)
            if message.state in {State.HELD, State.ALONE}:
                return None
        return None

    def wake(self, now: float) -> float | None:
        """Give the seconds until `next` can have something new to say; None when only an answer changes that."""
        dues = []
        for message in self.messages.values():
            dues.append(message.due - now)
            if message.state in {State.HELD, State.ALONE}:
                break  # what is behind it waits for it
        return max(0.0, min(dues)) if dues else None

    def _write(self, message: Message, state: State, now: float) -> Message:
        message.state, message.due = state, now + self.answer_seconds
        return message
