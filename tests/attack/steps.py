"""What a client may send on the chat's socket: right, nearly right and wrong, in any order."""

import json
from dataclasses import dataclass
from typing import Any

import msgspec
from hypothesis import strategies as st

from chat.frames import CLIENTS
from tests.attack.texts import NUMBERS, PIECES, odd_texts
from tests.attack.wire import BINARY, CLOSE, PING, PONG, TEXT, framed

TYPES = sorted(CLIENTS)
SELDOM = {"login", "logout"}  # a password takes a third of a second to check, and a guest is a row
OWN_CODES = (1000, 1001, 1002, 1003, 1005, 1006, 1012, 1015, 2999, 3000, 4999, 0, 999, 5000, 65535)  # never our 1011
LARGEST = 65_536  # protocol.md: of a client's frame


@dataclass(frozen=True)
class Step:
    """A frame of the protocol, or bytes; so many times."""

    frame: dict[str, Any] | None = None
    ascii: bool = True  # JSON's escapes, also for what has no UTF-8
    data: bytes = b""
    times: int = 1
    wild: bool = False  # no frame of the protocol in a frame of websockets: any close may follow
    whole: bool = True  # the server can read a frame that comes after it

    def asks(self) -> bool:
        """Tell whether a value stands for what the server told last."""
        return self.frame is not None and any(str(value).startswith("$") for value in self.frame.values())

    def written(self, learned: dict[str, Any]) -> bytes:
        """Give the bytes to write."""
        if self.frame is None:
            return self.data * self.times
        frame = {
            name: learned.get(value, value) if isinstance(value, str) else value for name, value in self.frame.items()
        }
        return framed(TEXT, text(frame, ascii=self.ascii)) * self.times


def text(value: Any, *, ascii: bool = True) -> bytes:  # noqa: A002 (JSON's word)
    """Write JSON; halves of surrogate pairs as escapes, or as the bytes that they would have."""
    return json.dumps(value, ensure_ascii=ascii).encode("utf-8", "surrogatepass")


RIGHT: dict[str, st.SearchStrategy[Any]] = {
    "room": st.sampled_from(("lobby", "lobby", "lobby", "fuzzed", "direct-1-2", "nowhere")),
    "after": st.one_of(st.sampled_from(("$head", "$beyond")), st.integers(0, 9)),
    "epoch": st.just("$epoch"),
    "mark": st.text("0123456789abcdef.", max_size=40),
    "key": st.one_of(st.text("abc", min_size=1, max_size=2), st.uuids().map(str)),
    "text": st.text(st.characters(exclude_categories=["C"]), min_size=1, max_size=30),
    "reply_to": st.one_of(st.just("$seq"), st.integers(1, 9)),
    "before": st.one_of(st.just("$seq"), st.integers(1, 9)),
    "limit": st.integers(1, 200),
    "username": st.just("fuzzed"),
    "password": st.just("correct horse battery staple"),
    "ref": st.one_of(st.integers(0, 99), st.text("xyz", max_size=3)),
}
json_values = st.recursive(
    st.one_of(st.none(), st.booleans(), st.sampled_from(NUMBERS), st.floats(), odd_texts),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(odd_texts, inner, max_size=3)),
    max_leaves=5,
)


@st.composite
def frames(draw: st.DrawFn, *, seldom: bool = True) -> dict[str, Any]:
    """Draw a frame; in one of three a field is missing, odd, of another type, or unknown."""
    often = [name for name in TYPES if name not in SELDOM]
    kind = draw(st.sampled_from([*often, *often, *(name for name in TYPES if seldom)]))
    fields = msgspec.structs.fields(CLIENTS[kind])
    frame = {one.name: draw(RIGHT[one.name]) for one in fields if one.required or draw(st.booleans())}
    frame = {"type": kind, **frame}
    if draw(st.integers(0, 2)) == 0:
        name = draw(st.sampled_from(["type", "unknown", *(one.name for one in fields)]))
        if draw(st.booleans()):
            frame[name] = draw(st.one_of(odd_texts, json_values))
        else:
            frame.pop(name, None)
    return frame


@st.composite
def nearly_json(draw: st.DrawFn) -> bytes:
    """Draw the JSON of a frame with a place cut out, doubled or replaced; or what no decoder should follow."""
    if draw(st.integers(0, 5)) == 0:
        return draw(
            st.sampled_from((b"[" * 60_000, b'{"a":' * 9000, b'{"type":"ping","ref":' + b"9" * 5000 + b"}", b""))
        )
    whole = text(draw(frames()), ascii=draw(st.booleans()))
    start, end = sorted(draw(st.tuples(st.integers(0, len(whole)), st.integers(0, len(whole)))))
    middle = draw(st.sampled_from((b"", whole, b"\xff", b"\xed\xa0\x80", b"\xf0\x9f", b"\0", b'"', *map(text, PIECES))))
    return whole[:start] + middle + whole[end:]


@st.composite
def fragments(draw: st.DrawFn) -> bytes:
    """Draw a message in pieces, with control frames between them; sometimes without its end."""
    whole = draw(st.one_of(nearly_json(), frames().map(text)))
    cuts = sorted(draw(st.lists(st.integers(0, len(whole)), min_size=1, max_size=5)))
    parts = [whole[start:end] for start, end in zip([0, *cuts], [*cuts, len(whole)], strict=True)]
    ends = draw(st.integers(0, 9)) > 0
    written = b""
    for number, part in enumerate(parts):
        written += framed(0 if number else TEXT, part, fin=ends and number == len(parts) - 1)
        if draw(st.booleans()):
            written += draw(controls)
    return written


controls = st.builds(framed, st.sampled_from((PING, PONG)), st.binary(max_size=125))
closes = st.builds(
    lambda code, reason: framed(CLOSE, code.to_bytes(2) + reason),
    st.sampled_from(OWN_CODES),
    st.one_of(st.just(b""), st.binary(max_size=123)),
) | st.just(framed(CLOSE, b"\3"))
headed = st.builds(
    framed,
    st.integers(0, 15),
    st.binary(max_size=130),
    fin=st.booleans(),
    rsv=st.sampled_from((0, 0, 1, 2, 4, 7)),
    mask=st.sampled_from((True, True, True, False)),
)
lying = st.builds(
    framed,
    st.integers(0, 15),
    st.binary(max_size=130),
    says=st.sampled_from((1, 125, 126, 65_537, 2**31, 2**63, 2**64 - 1)),
)
large = st.builds(
    lambda opcode, size: framed(opcode, b'"' + b"a" * (size - 2) + b'"'),
    st.sampled_from((TEXT, TEXT, BINARY)),
    st.sampled_from((LARGEST - 1, LARGEST, LARGEST + 1, 3 * LARGEST)),
)
KINDS = {  # a step, and how often among all
    "said": (10, st.builds(Step, frame=frames(), ascii=st.booleans())),
    "nearly": (3, st.builds(Step, data=nearly_json().map(lambda data: framed(TEXT, data)))),
    "again": (1, st.builds(Step, frame=frames(seldom=False), times=st.sampled_from((2, 250, 450)))),
    "fragments": (2, st.builds(Step, data=fragments(), wild=st.just(True))),
    "controls": (1, st.builds(Step, data=controls, times=st.sampled_from((1, 1, 50)))),
    "binary": (1, st.builds(Step, data=st.binary(max_size=30).map(lambda data: framed(BINARY, data)))),
    "large": (1, st.builds(Step, data=large, wild=st.just(True))),
    "close": (1, st.builds(Step, data=closes, wild=st.just(True))),
    "headed": (1, st.builds(Step, data=headed, wild=st.just(True))),
    "lying": (1, st.builds(Step, data=lying, wild=st.just(True), whole=st.just(False))),
    "bytes": (1, st.builds(Step, data=st.binary(min_size=1, max_size=300), wild=st.just(True), whole=st.just(False))),
}

TAME = {"said", "again", "controls", "nearly"}


@st.composite
def conversations(draw: st.DrawFn) -> list[Step]:
    """Draw up to 12 steps, half of the time without bytes that end it; most are in a room from the start."""
    wild = draw(st.booleans())
    kinds = [kind for kind, (often, _) in KINDS.items() if wild or kind in TAME for _ in range(often)]
    first = [Step(frame={"type": "join", "room": "lobby"})] if draw(st.integers(0, 3)) else []
    return first + [draw(KINDS[kind][1]) for kind in draw(st.lists(st.sampled_from(kinds), min_size=1, max_size=12))]
