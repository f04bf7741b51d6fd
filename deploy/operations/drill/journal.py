"""The journal of one client: what it was told and when, appended and never changed."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Self, TypeVar

import msgspec


class Entry(msgspec.Struct, frozen=True):
    """What never changes about one entry of a room: all of it but the text."""

    seq: int
    kind: str
    key: str
    author: int | None
    at: str

    @classmethod
    def of(cls, wire: dict[str, Any]) -> Self:
        """Take an entry as protocol.md has it on the wire."""
        author = wire.get("author") or {}
        return cls(wire["seq"], wire["kind"], wire.get("key") or "", author.get("id"), wire["at"])


def entries_of(frame: dict[str, Any]) -> tuple[Entry, ...]:
    """Give the entries of a `joined`, `entries` or `history` frame, in their order."""
    return tuple(Entry.of(entry) for entry in frame["entries"])


class Event(msgspec.Struct, frozen=True, kw_only=True, tag_field="event", tag=str.lower):
    """Something that happened to a client, by the monotonic clock (shared by all processes) and by the wall's."""

    mono: float = msgspec.field(default_factory=time.monotonic)
    wall: float = msgspec.field(default_factory=time.time)


class Connected(Event, frozen=True):
    """A socket is open and was welcomed by this instance."""

    instance: str
    you: int


class Rejected(Event, frozen=True):
    """A handshake came to nothing: given up after the limit, refused (by an HTTP status), or nobody there."""

    why: str
    status: int | None = None


class Joined(Event, frozen=True):
    """The room was joined; `after` and `asked_epoch` are what the client had asked for."""

    room: str
    epoch: str
    head: int
    recovered: bool
    entries: tuple[Entry, ...] = ()
    after: int | None = None
    asked_epoch: str | None = None


class Read(Event, frozen=True):
    """Live entries, as one frame brought them."""

    room: str
    entries: tuple[Entry, ...]


class Ignored(Event, frozen=True):
    """Entries that came before the room's `joined`: they belong to the position before."""

    room: str
    seqs: tuple[int, ...]


class Asked(Event, frozen=True):
    """A message was put into the outbox: the moment a person pressed Enter."""

    room: str
    key: str


class Sent(Event, frozen=True):
    """A message was acknowledged."""

    room: str
    key: str
    seq: int
    at: str
    repeated: bool = False


class Denied(Event, frozen=True):
    """The server answered a frame with an error."""

    code: str
    key: str | None = None
    retry_ms: int | None = None


class Behind(Event, frozen=True):
    """A pong named a head that this client has not: it joins again."""

    room: str
    head: int
    position: int


class Drained(Event, frozen=True):
    """The server asked the client to come back within this time."""

    within_ms: int


class Closed(Event, frozen=True):
    """The socket is closed; 1006 is a close without a close frame."""

    code: int


class Frozen(Event, frozen=True):
    """The client stopped (`frozen`) or went on."""

    frozen: bool


class Quit(Event, frozen=True):
    """The client will not come back: its session ended or it is banned."""

    code: int


class Ended(Event, frozen=True):
    """The run is over for this client; `joined` says whether its socket was in the room."""

    room: str
    joined: bool


AnyEvent = (
    Connected | Rejected | Joined | Read | Ignored | Asked | Sent | Denied | Behind | Drained | Closed | Frozen
    | Quit | Ended
)  # fmt: skip
E = TypeVar("E", bound=Event)


class Journal:
    """The events of one client, in the order in which they happened."""

    def __init__(self, client: str, events: list[AnyEvent] | None = None) -> None:
        self.client = client
        self.events: list[AnyEvent] = events or []

    def add(self, event: AnyEvent) -> None:
        """Append one event."""
        self.events.append(event)

    def all(self, kind: type[E]) -> Iterator[E]:
        """Give the events of one kind."""
        return (event for event in self.events if isinstance(event, kind))

    @property
    def author(self) -> int | None:
        """The id the server knows this client by; None when it never got in."""
        return next((event.you for event in self.all(Connected)), None)

    def to_lines(self) -> bytes:
        """Write the journal as JSON lines; the first names the client."""
        return msgspec.json.Encoder().encode_lines([{"client": self.client}, *self.events])

    @classmethod
    def from_lines(cls, lines: bytes) -> "Journal":
        """Read what `to_lines` wrote; raises msgspec.ValidationError."""
        first, _, rest = lines.partition(b"\n")
        client = msgspec.json.decode(first, type=dict[str, str])["client"]
        return cls(client, msgspec.json.Decoder(AnyEvent).decode_lines(rest))

    def save(self, directory: Path) -> Path:
        """Write the journal into a directory, under the client's name."""
        path = directory / f"{self.client}.jsonl"
        path.write_bytes(self.to_lines())
        return path


class Log(msgspec.Struct, frozen=True):
    """A room's log read at the end: `head` is where every member should be, `entries` may go on behind it."""

    room: str
    epoch: str
    head: int
    entries: tuple[Entry, ...]
