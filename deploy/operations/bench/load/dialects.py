"""How to speak to each peer: how one gets into a room there, and what a message looks like."""

import secrets
from typing import Any, ClassVar, NamedTuple, Protocol

import msgspec

TEXT_BYTES = 100
NUMBER_DIGITS = 8
MEMO_PAYLOADS = 256  # members read the same bytes: each payload is read once for all of them


class Heard(NamedTuple):
    """What one payload says. `numbers` are messages; `first` is the seq of the first, 0 where there are no seqs."""

    numbers: tuple[int, ...] = ()
    first: int = 0
    ready: bool = False
    stored: int = -1  # the number of a message whose sender is told that it is stored
    reply: bytes = b""
    join: bool = False  # the peer waits to be told the room
    refused: str = ""
    joined: Any = None


class Seat(NamedTuple):
    """Where a member sits, and what it has of the room's log when it comes back."""

    room: str
    after: int | None = None
    epoch: str | None = None


NOTHING = Heard()


def text(number: int) -> str:
    """Write message `number`, TEXT_BYTES long."""
    return f"{number:0{NUMBER_DIGITS}d} ".ljust(TEXT_BYTES, "x")


class Dialect(Protocol):
    """One peer's language."""

    ready_at_once: bool  # in the room as soon as the handshake is answered
    acknowledges: bool  # tells the sender when a message is stored

    def path(self, room: str) -> str:
        """Give the path of the handshake."""

    def join(self, seat: Seat) -> bytes:
        """Ask to be let into a room."""

    def message(self, room: str, number: int) -> bytes:
        """Write message `number`."""

    def read(self, payload: bytes) -> Heard:
        """Read one payload of the server."""


class _Entry(msgspec.Struct):
    seq: int
    text: str


class _Frame(msgspec.Struct):
    type: str
    entries: list[_Entry] = []
    key: str = ""
    repeated: bool = False
    head: int = 0
    epoch: str = ""
    recovered: bool = False
    code: str = ""
    detail: str = ""


class Parley:
    """protocol.md."""

    ready_at_once = False
    acknowledges = True

    def __init__(self) -> None:
        self._decode = msgspec.json.Decoder(_Frame).decode
        self._run = secrets.token_hex(4)  # keys are for ever: those of an earlier round would be answered, not sent

    def path(self, room: str) -> str:  # noqa: ARG002 (the room is named in `join`)
        return "/ws/chat/"

    def join(self, seat: Seat) -> bytes:
        asked: dict[str, Any] = {"type": "join", "room": seat.room}
        if seat.after is not None:
            asked |= {"after": seat.after, "epoch": seat.epoch}
        return msgspec.json.encode(asked)

    def message(self, room: str, number: int) -> bytes:
        return msgspec.json.encode({"type": "send", "room": room, "key": f"{self._run}-{number}", "text": text(number)})

    def read(self, payload: bytes) -> Heard:
        frame = self._decode(payload)
        match frame.type:
            case "entries":
                return _entries(frame)
            case "sent":
                return _sent(frame)
            case "welcome":
                return Heard(join=True)
            case "joined":
                return Heard(ready=True, joined=frame)
            case "error":
                return Heard(refused=f"{frame.code}: {frame.detail}")
            case _:
                return NOTHING


def _entries(frame: _Frame) -> Heard:
    seqs = [entry.seq for entry in frame.entries]
    if seqs != list(range(seqs[0], seqs[0] + len(seqs))):
        return Heard(refused=f"seqs with a gap in one frame: {seqs}")
    return Heard(tuple(int(entry.text[:NUMBER_DIGITS]) for entry in frame.entries), seqs[0])


def _sent(frame: _Frame) -> Heard:
    if frame.repeated:
        return Heard(refused=f"key {frame.key} was stored before")
    return Heard(stored=int(frame.key.rpartition("-")[2]))


class _Said(msgspec.Struct):
    message: str


class Tutorial:
    """The Channels tutorial: the room is in the path, a message an object with one field."""

    ready_at_once = True
    acknowledges = False

    def __init__(self) -> None:
        self._decode = msgspec.json.Decoder(_Said).decode

    def path(self, room: str) -> str:
        return f"/ws/chat/{room}/"

    def join(self, seat: Seat) -> bytes:  # noqa: ARG002 (never asked)
        return b""

    def message(self, room: str, number: int) -> bytes:  # noqa: ARG002 (a socket has one room)
        return msgspec.json.encode({"message": text(number)})

    def read(self, payload: bytes) -> Heard:
        return Heard((int(self._decode(payload).message[:NUMBER_DIGITS]),))


class SocketIO:
    """Engine.IO 4 under Socket.IO 5: a digit each, then JSON."""

    ready_at_once = False
    acknowledges = False

    OPEN, PING, CONNECTED, EVENT = b"0", b"2", b"40", b"42"

    def path(self, room: str) -> str:  # noqa: ARG002 (the room is named in an event)
        return "/ws/socket.io/?EIO=4&transport=websocket"

    def join(self, seat: Seat) -> bytes:
        return self.EVENT + msgspec.json.encode(["join", seat.room])

    def message(self, room: str, number: int) -> bytes:
        return self.EVENT + msgspec.json.encode(["message", room, text(number)])

    def read(self, payload: bytes) -> Heard:
        if payload.startswith(self.EVENT):
            event = msgspec.json.decode(payload[2:])
            return Heard((int(event[1][:NUMBER_DIGITS]),)) if event[0] == "message" else Heard(ready=True)
        if payload.startswith(self.CONNECTED):
            return Heard(join=True)
        if payload.startswith(self.OPEN):
            return Heard(reply=b"40")
        return Heard(reply=b"3") if payload == self.PING else Heard(refused=payload[:80].decode(errors="replace"))


class Floor:
    """A message is its text, and everybody is in the one room."""

    ready_at_once = True
    acknowledges = False

    def path(self, room: str) -> str:  # noqa: ARG002 (there is one)
        return "/ws/chat/"

    def join(self, seat: Seat) -> bytes:  # noqa: ARG002 (never asked)
        return b""

    def message(self, room: str, number: int) -> bytes:  # noqa: ARG002 (there is one)
        return text(number).encode("ascii")

    def read(self, payload: bytes) -> Heard:
        return Heard((int(payload[:NUMBER_DIGITS]),))


class Reader:
    """Reads payloads of a dialect, the same bytes once."""

    DIALECTS: ClassVar[dict[str, type[Dialect]]] = {
        "parley": Parley,
        "tutorial": Tutorial,
        "socketio": SocketIO,
        "floor": Floor,
    }

    def __init__(self, dialect: Dialect) -> None:
        self._dialect = dialect
        self._memo: dict[bytes, Heard] = {}

    def read(self, payload: bytes) -> Heard:
        """Read one payload; raises msgspec.DecodeError or ValueError."""
        heard = self._memo.get(payload)
        if heard is None:
            heard = self._dialect.read(payload)
            if heard.numbers:
                if len(self._memo) >= MEMO_PAYLOADS:
                    self._memo.clear()
                self._memo[payload] = heard
        return heard
