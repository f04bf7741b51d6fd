"""What visitors saw, by the monotonic clock."""

import time
from dataclasses import dataclass, field

NO_CLOSE_FRAME = 1006


@dataclass(frozen=True)
class Load:
    """One page that was asked for; without a status nobody answered, and `why` says what came instead."""

    page: str
    start: float
    status: int | None
    why: str = ""
    end: float = field(default_factory=time.monotonic)


@dataclass(frozen=True)
class Event:
    """Something that happened to a socket."""

    at: float = field(default_factory=time.monotonic, kw_only=True)


@dataclass(frozen=True)
class Opened(Event):
    """A handshake was accepted."""


@dataclass(frozen=True)
class Refused(Event):
    """A handshake came to nothing: given up after the limit, refused (by an HTTP status), or nobody there."""

    why: str
    status: int | None = None


@dataclass(frozen=True)
class Ended(Event):
    """The server closed; 1006 is an end without a close frame."""

    code: int


@dataclass
class Life:
    """One socket and those that took its place, in the order in which it happened."""

    name: str
    events: list[Event] = field(default_factory=list)

    @property
    def is_open(self) -> bool:
        """Whether there is a connection right now."""
        return bool(self.events) and isinstance(self.events[-1], Opened)
