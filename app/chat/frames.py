"""The wire of protocol.md, typed: one tagged union from the client, one struct per frame to it. Imports no Django."""

import json
import re
from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime
from typing import Annotated, Any

import msgspec
from msgspec import Meta, Struct

from chat import limits

CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f]")  # C0 but newline and tab; U+0000 would break PostgreSQL (pitfalls L14)
NOT_TEXT = re.compile(CONTROLS.pattern[:-1] + "\ud800-\udfff]")  # nor half a character: it has no UTF-8

Seq = Annotated[int, Meta(ge=1, le=limits.LARGEST_SEQ)]
Position = Annotated[int, Meta(ge=0, le=limits.LARGEST_SEQ)]
Slug = Annotated[str, Meta(min_length=1, max_length=limits.SLUG_CHARACTERS)]
Key = Annotated[str, Meta(min_length=1, max_length=limits.KEY_CHARACTERS)]
Ref = (
    Annotated[int, Meta(ge=-limits.LARGEST_REF, le=limits.LARGEST_REF)]
    | Annotated[str, Meta(max_length=limits.REF_CHARACTERS)]
    | None
)


# What an error carries of the frame that it answers, by type and besides the ref.
ECHOED: dict[str, tuple[str, ...]] = dict.fromkeys(("send", "edit", "delete"), ("room", "key"))
ECHOED |= dict.fromkeys(("join", "history"), ("room",))


class WrongFrameError(Exception):
    """A frame that cannot be used: a code of protocol.md, a sentence, and what to answer it with."""

    def __init__(self, code: str, detail: str, **echo: Any) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail
        self.echo = echo


# From the client


class Join(Struct, tag="join"):
    """Read a room, from `after` on if that history still stands."""

    room: Slug
    after: Position | None = None
    epoch: Annotated[str, Meta(max_length=64)] | None = None
    ref: Ref = None
    mark: Annotated[str, Meta(max_length=limits.MARK_CHARACTERS)] | None = None


class Leave(Struct, tag="leave"):
    """Stop reading a room."""

    room: Slug
    ref: Ref = None


class Send(Struct, tag="send"):
    """Store a message under the client's own key."""

    room: Slug
    key: Key
    text: str
    reply_to: Seq | None = None
    ref: Ref = None


class History(Struct, tag="history"):
    """Read entries older than `before`."""

    room: Slug
    before: Annotated[int, Meta(ge=1, le=limits.LARGEST_SEQ + 1)]
    limit: Annotated[int, Meta(ge=1, le=limits.HISTORY_ENTRIES)] = limits.JOIN_ENTRIES
    ref: Ref = None


class Typing(Struct, tag="typing"):
    """Tell a room that somebody is writing."""

    room: Slug
    ref: Ref = None


class Ping(Struct, tag="ping"):
    """Ask whether the way is open, and how far each room is."""

    ref: Ref = None


class Login(Struct, tag="login"):
    """Become somebody who signed up, without leaving the socket."""

    username: Annotated[str, Meta(min_length=1, max_length=limits.USERNAME_CHARACTERS)]
    password: Annotated[str, Meta(min_length=1, max_length=limits.PASSWORD_CHARACTERS)]
    ref: Ref = None


class Logout(Struct, tag="logout"):
    """End the session, on every process."""

    ref: Ref = None


Client = Join | Leave | Send | History | Typing | Ping | Login | Logout
CLIENTS: dict[str, type[Client]] = {
    "join": Join, "leave": Leave, "send": Send, "history": History, "typing": Typing, "ping": Ping,
    "login": Login, "logout": Logout,
}  # fmt: skip
FEATURES = tuple(CLIENTS)

_client: msgspec.json.Decoder[Client] = msgspec.json.Decoder(Client)


class _Envelope(Struct):
    """What can be read of a frame that is wrong: enough to answer it."""

    type: Any = None
    ref: Any = None
    room: Any = None
    key: Any = None


_envelope = msgspec.json.Decoder(_Envelope)


def decode(text: str) -> Client:
    """Read one client frame; raise WrongFrameError with the code that protocol.md has for it."""
    try:
        frame = _client.decode(text)
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        raise _wrong(text, error) from None
    for name in ("room", "key", "text", "epoch", "mark", "username", "password", "ref"):
        value = getattr(frame, name, None)
        if isinstance(value, str) and CONTROLS.search(value):
            raise WrongFrameError("bad_field", f"{name}: control character", **_echo(frame))
    if isinstance(frame, Send):
        _check_text(frame)
    return frame


def _check_text(frame: Send) -> None:
    if not frame.text.strip():
        raise WrongFrameError("bad_field", "text: empty", **_echo(frame))
    if len(frame.text) > limits.TEXT_CHARACTERS:
        detail = f"text: {len(frame.text)} characters, at most {limits.TEXT_CHARACTERS}"
        raise WrongFrameError("too_long", detail, **_echo(frame))


def _wrong(text: str, error: Exception) -> WrongFrameError:
    """Name what is wrong with a text that is none of our frames.

    Read again by a lenient parser: msgspec stops at the first thing that is wrong, before it knows whether the rest
    is JSON, and takes half a surrogate pair and a number like 1e400 for no JSON at all.
    """
    try:
        envelope = json.loads(text, parse_constant=_refuse_constant, parse_int=_integer)
    except (ValueError, RecursionError) as why:
        return WrongFrameError("bad_frame", f"not JSON: {why}")
    if not isinstance(envelope, dict):
        return WrongFrameError("bad_frame", "a frame is a JSON object")
    kind = envelope.get("type")
    if isinstance(kind, str) and kind not in CLIENTS:
        return WrongFrameError("unknown_type", f"type: {kind[:64]!r} is not known here", **_echo_of(envelope))
    if isinstance(error, msgspec.ValidationError):
        return WrongFrameError("bad_field", str(error).replace("`$.", "`"), **_echo_of(envelope))
    return WrongFrameError("bad_field", "half a surrogate pair is no character", **_echo_of(envelope))


def echo_of(text: str) -> dict[str, Any]:
    """Read of a frame what its answer carries, whatever else is in it."""
    try:
        return _echo_of(msgspec.structs.asdict(_envelope.decode(text)))
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return {}


def _integer(digits: str) -> int:
    """Read an integer of any length: one that is too long for Python is too large for us."""
    return int(digits) if len(digits) < 20 else 10**20


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


def _echo_of(envelope: Mapping[str, Any]) -> dict[str, Any]:
    """Take from a wrong frame what its answer carries: the ref, the room, and of what would be stored the key."""
    names = ECHOED.get(str(envelope.get("type")), ())
    echo = {name: envelope.get(name) for name in names}
    echo = {name: value for name, value in echo.items() if isinstance(value, str)} | {"ref": envelope.get("ref")}
    return {name: value for name, value in echo.items() if _is_word(value)}


def _is_word(value: object) -> bool:
    """Say whether a value may be echoed."""
    if isinstance(value, str):
        return len(value) <= limits.REF_CHARACTERS and not NOT_TEXT.search(value)
    return isinstance(value, int) and not isinstance(value, bool) and abs(value) <= limits.LARGEST_REF


def _echo(frame: Client) -> dict[str, Any]:
    names = ECHOED.get(str(frame.__struct_config__.tag), ())
    return {name: value for name in ("ref", *names) if _is_word(value := getattr(frame, name))}


# To the client

_encode = msgspec.json.Encoder().encode


class Author(Struct, omit_defaults=True):
    """Somebody, as others see them; anybody may be called anything, but only a guest is one."""

    id: int
    name: str
    guest: bool = False


class Entry(Struct, omit_defaults=True):
    """One line of a room's log."""

    seq: int
    kind: str
    key: str
    author: Author
    text: str
    at: str
    target: int | None = None
    reply_to: int | None = None
    edited: bool = False
    deleted: bool = False


def encode_entry(entry: Entry) -> bytes:
    """Encode one entry, once; frames are put together from these bytes."""
    return _encode(entry)


def timestamp(at: datetime) -> str:
    """Write a moment as RFC 3339 in UTC with milliseconds."""
    return at.astimezone(UTC).isoformat(timespec="milliseconds").removesuffix("+00:00") + "Z"


def message(kind: str, *, ref: int | str | None = None, **fields: Any) -> bytes:
    """Encode a server frame of small fields."""
    frame: dict[str, Any] = {"type": kind, **fields}
    if ref is not None:
        frame["ref"] = ref
    return _encode(frame)


def with_entries(kind: str, entries: Sequence[bytes], **fields: Any) -> bytes:
    """Encode a server frame around entries that are encoded already."""
    return message(kind, **fields)[:-1] + b',"entries":[' + b",".join(entries) + b"]}"


def fitting(entries: Sequence[bytes], *, room: int = limits.FRAME_SPARE) -> int:
    """Count how many of the first entries go into one frame; at least one. `room` is for the frame's other fields."""
    size = room
    for number, entry in enumerate(entries):
        size += len(entry) + 1
        if size > limits.SERVER_FRAME_BYTES and number:
            return number
    return len(entries)


def people(names: Mapping[int, str], guests: Collection[int] = ()) -> list[Author]:
    """List people as protocol.md shows them; `guests` has the ids of those who are."""
    return [Author(person, name, person in guests) for person, name in names.items()]
