"""The wire: what a client may send, what each wrong frame is answered with, and how large an answer gets."""

import json
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from chat import frames, limits
from chat.frames import WrongFrameError


def dumped(**fields: Any) -> str:
    """A frame as a client writes it."""
    return json.dumps(fields)


def wrong(text: str) -> WrongFrameError:
    """What `text` is answered with."""
    with pytest.raises(WrongFrameError) as caught:
        frames.decode(text)
    return caught.value


SEND = {"type": "send", "room": "lobby", "key": "k-1", "text": "hello"}
ECHO = {"room": "lobby", "key": "k-1"}
DEEP = "[" * 20_000 + "]" * 20_000


@pytest.mark.parametrize(
    ("text", "frame"),
    [
        (dumped(type="join", room="lobby"), frames.Join("lobby")),
        (dumped(type="join", room="lobby", after=0, epoch="e", ref=1), frames.Join("lobby", 0, "e", 1)),
        (dumped(type="join", room="lobby", mark="7.ab"), frames.Join("lobby", mark="7.ab")),
        (dumped(type="leave", room="lobby", ref="x"), frames.Leave("lobby", "x")),
        (dumped(**SEND), frames.Send("lobby", "k-1", "hello")),
        (dumped(**SEND, reply_to=3, unknown=[1, {}]), frames.Send("lobby", "k-1", "hello", 3)),
        (dumped(type="history", room="lobby", before=9), frames.History("lobby", 9, 50)),
        (dumped(type="history", room="lobby", before=1, limit=200), frames.History("lobby", 1, 200)),
        (dumped(type="typing", room="lobby"), frames.Typing("lobby")),
        (dumped(type="ping", ref=None), frames.Ping()),
    ],
)
def test_what_protocol_md_lists_is_read(text: str, frame: frames.Client) -> None:
    """Fields that are not known are ignored."""
    assert frames.decode(text) == frame


@pytest.mark.parametrize(
    "text",
    [
        "<script>alert(1)</script>",
        "\u202eright to left\u202c שלום مرحبا",
        "👩‍👩‍👧‍👦 🏳️‍🌈 \U0010ffff",
        "tab\tand\nnewline",
        "\x7f\x80\u2028\ufeff",
        "x" * limits.TEXT_CHARACTERS,
        "😀" * limits.TEXT_CHARACTERS,
    ],
)
def test_texts_pass_untouched(text: str) -> None:
    """What a text means is nobody's business here; the page shows it as text."""
    read = frames.decode(dumped(**SEND | {"text": text}))
    assert isinstance(read, frames.Send)
    assert read.text == text


@pytest.mark.parametrize(
    ("text", "code", "echo"),
    [
        ("", "bad_frame", {}),
        ("hello", "bad_frame", {}),
        ('{"type":"ping"', "bad_frame", {}),
        ('{"type":"ping"} trailing', "bad_frame", {}),
        ('{"type":"ping","ref":NaN}', "bad_frame", {}),
        ("[]", "bad_frame", {}),
        ('"ping"', "bad_frame", {}),
        ("null", "bad_frame", {}),
        ("7", "bad_frame", {}),
        ("[" * 60_000, "bad_frame", {}),
        # A field that is wrong before what makes it no JSON: msgspec tells the first thing it meets.
        ('{"type":"send","room":5,', "bad_frame", {}),
        ('{"type":"join","room":1,"x":NaN}', "bad_frame", {}),
        ('{"type":"join","room":1,"ref":' + DEEP + "}", "bad_frame", {}),
        ('{"type":"ping","ref":' + DEEP + "}", "bad_frame", {}),
        (dumped(type="shout", ref=4), "unknown_type", {"ref": 4}),
        (dumped(type="\ud800", ref=4), "unknown_type", {"ref": 4}),
        (dumped(type="edit", room="lobby", key="k-1", seq=1, text="x", ref="r"), "unknown_type", ECHO | {"ref": "r"}),
        (dumped(type="", room="lobby"), "unknown_type", {}),
        (dumped(room="lobby"), "bad_field", {}),
        (dumped(type=5, ref="r"), "bad_field", {"ref": "r"}),
        (dumped(type=None), "bad_field", {}),
        (dumped(type="join"), "bad_field", {}),
        (dumped(type="join", room="", ref=1), "bad_field", {"room": "", "ref": 1}),
        (dumped(type="join", room="r" * 65), "bad_field", {}),
        (dumped(type="join", room=["lobby"]), "bad_field", {}),
        (dumped(type="join", room="lobby", after=-1), "bad_field", {"room": "lobby"}),
        (dumped(type="join", room="lobby", after=2**53), "bad_field", {"room": "lobby"}),
        (dumped(type="join", room="lobby", after=1.5), "bad_field", {"room": "lobby"}),
        (dumped(type="join", room="lobby", after="1"), "bad_field", {"room": "lobby"}),
        (dumped(type="join", room="lobby", epoch="e" * 65), "bad_field", {"room": "lobby"}),
        (dumped(type="join", room="lob\x00by"), "bad_field", {}),
        (dumped(type="join", room="lobby", epoch="\x1f"), "bad_field", {"room": "lobby"}),
        (dumped(type="history", room="lobby"), "bad_field", {"room": "lobby"}),
        (dumped(type="history", room="lobby", before=0), "bad_field", {"room": "lobby"}),
        (dumped(type="history", room="lobby", before=5, limit=201), "bad_field", {"room": "lobby"}),
        (dumped(type="history", room="lobby", before=5, limit=0), "bad_field", {"room": "lobby"}),
        (dumped(type="ping", ref="r" * 65), "bad_field", {}),
        (dumped(type="ping", ref=2**63), "bad_field", {}),
        (dumped(type="ping", ref=True), "bad_field", {}),
        (dumped(type="ping", ref=1.0), "bad_field", {}),
        (dumped(type="ping", ref="\x00"), "bad_field", {}),
        ('{"type":"ping","ref":1e400}', "bad_field", {}),
        ('{"type":"ping","ref":' + "9" * 6_000 + "}", "bad_field", {}),
        (dumped(**SEND | {"text": ""}), "bad_field", ECHO),
        (dumped(**SEND | {"text": " \n\t\u3000"}), "bad_field", ECHO),
        (dumped(**SEND | {"text": "x" * 4_001}, ref="r"), "too_long", ECHO | {"ref": "r"}),
        (dumped(**SEND | {"text": "a\x00b"}), "bad_field", ECHO),
        (dumped(**SEND | {"text": "a\rb"}), "bad_field", ECHO),
        (dumped(**SEND | {"text": "a\x1bb"}), "bad_field", ECHO),
        (dumped(**SEND | {"text": "\ud800"}), "bad_field", ECHO),
        (dumped(**SEND | {"text": "\udc00\ud800"}, ref=7), "bad_field", ECHO | {"ref": 7}),
        (dumped(**SEND | {"room": 5, "text": "\ud800"}), "bad_field", {"key": "k-1"}),
        (dumped(**SEND | {"text": None}), "bad_field", ECHO),
        (dumped(**SEND | {"key": ""}), "bad_field", {"room": "lobby", "key": ""}),
        (dumped(**SEND | {"key": "k" * 65}), "bad_field", {"room": "lobby"}),
        (dumped(**SEND | {"key": "\x00"}), "bad_field", {"room": "lobby"}),
        (dumped(**SEND | {"key": "\ud800"}), "bad_field", {"room": "lobby"}),
        (dumped(**SEND | {"key": 5}), "bad_field", {"room": "lobby"}),
        (dumped(**SEND, reply_to=0), "bad_field", ECHO),
        (dumped(type="send", room="lobby", key="k-1"), "bad_field", ECHO),
    ],
)
def test_each_wrong_frame_has_its_code_and_its_echo(text: str, code: str, echo: dict[str, Any]) -> None:
    """Each carries its room, what would be stored also its key; nothing is echoed that could not be sent."""
    error = wrong(text)
    assert (error.code, error.echo) == (code, echo)
    assert json.loads(frames.message("error", code=error.code, detail=error.detail, **error.echo))["code"] == code


def test_a_client_reads_why() -> None:
    """The detail names the field as the client wrote it."""
    assert wrong(dumped(type="join", room="a", after="1")).detail == "Expected `int | null`, got `str` - at `after`"
    assert "4001 characters, at most 4000" in wrong(dumped(**SEND | {"text": "x" * 4_001})).detail


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(exclude_categories=())),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
client_frames = st.fixed_dictionaries(
    {"type": st.sampled_from([*frames.CLIENTS, "edit", "nope"]) | json_values},
    optional={
        name: json_values | st.sampled_from(["lobby", "k", 1, 0, 2**53])
        for name in ("room", "key", "text", "after", "epoch", "before", "limit", "ref", "reply_to")
    },
)


@given(
    st.text() | client_frames.map(json.dumps) | st.builds(lambda a, b: json.dumps(a)[:b], client_frames, st.integers(0))
)
@example('{"type":"send","room":5,')
@example('{"type":"send","room":5,"text":"\\ud800"}')
def test_whatever_comes_is_read_or_refused(text: str) -> None:
    """No text ends a socket by an exception, and every refusal can be written to it."""
    try:
        frames.decode(text)
    except WrongFrameError as error:
        answer = json.loads(frames.message("error", code=error.code, detail=error.detail, **error.echo))
        assert answer["type"] == "error"
    assert set(frames.echo_of(text)) <= {"ref", "room", "key"}


@given(client_frames)
def test_what_is_read_is_within_its_limits(fields: dict[str, Any]) -> None:
    """What passes can be stored in PostgreSQL and answered to a browser."""
    try:
        frame = frames.decode(json.dumps(fields))
    except WrongFrameError:
        return
    for name, value in msgspec.structs.asdict(frame).items():
        if isinstance(value, str):
            assert "\x00" not in value.encode().decode()  # which raises for half a surrogate pair
        assert name == "ref" or not isinstance(value, int) or abs(value) <= 2**53
    assert json.loads(frames.message("x", ref=frame.ref)).get("ref") == frame.ref


def test_echo_of_reads_what_an_answer_carries() -> None:
    """A frame above the rate is answered without being taken."""
    assert frames.echo_of(dumped(**SEND, ref=4)) == ECHO | {"ref": 4}
    for name in ("join", "history"):
        assert frames.echo_of(dumped(type=name, room="lobby", key="k", ref="r")) == {"ref": "r", "room": "lobby"}
    assert frames.echo_of(dumped(type="typing", room="lobby", ref=2**63 - 1)) == {"ref": 2**63 - 1}
    assert frames.echo_of("{") == {}
    assert frames.echo_of('{"a":' + DEEP + "}") == {}


# To the client


def entry(seq: int, text: str = "hello", **fields: Any) -> bytes:
    """An encoded entry."""
    return frames.encode_entry(
        frames.Entry(seq, "text", f"k-{seq}", frames.Author(1, "Ada"), text, "2026-01-02T03:04:05.678Z", **fields)
    )


def test_an_entry_omits_what_it_has_not() -> None:
    """Optional fields are absent, never null."""
    assert json.loads(entry(1)) == {
        "seq": 1, "kind": "text", "key": "k-1", "author": {"id": 1, "name": "Ada"}, "text": "hello",
        "at": "2026-01-02T03:04:05.678Z",
    }  # fmt: skip
    assert json.loads(entry(2, reply_to=1, target=1))["reply_to"] == 1


@pytest.mark.parametrize(
    ("at", "text"),
    [
        (datetime(2026, 1, 2, 3, 4, 5, 678_999, UTC), "2026-01-02T03:04:05.678Z"),
        (datetime(2026, 1, 2, tzinfo=UTC), "2026-01-02T00:00:00.000Z"),
        (datetime(2026, 1, 2, 1, tzinfo=timezone(timedelta(hours=2))), "2026-01-01T23:00:00.000Z"),
    ],
)
def test_a_moment_is_rfc_3339_in_utc_with_milliseconds(at: datetime, text: str) -> None:
    """Whatever zone the database hands it over in."""
    assert frames.timestamp(at) == text


def test_frames_are_put_together_from_encoded_entries() -> None:
    """The same bytes as encoding the whole would give."""
    frame = frames.with_entries("entries", [entry(1), entry(2)], room="lobby", ref="r")
    assert json.loads(frame) == {
        "type": "entries", "room": "lobby", "ref": "r", "entries": [json.loads(entry(1)), json.loads(entry(2))],
    }  # fmt: skip
    assert json.loads(frames.with_entries("entries", []))["entries"] == []


@given(st.lists(st.integers(1, 100_000), max_size=30))
def test_as_many_entries_as_fit_go_into_one_frame(sizes: list[int]) -> None:
    """Never above the limit unless it is one entry, and never fewer than would have fitted."""
    entries = [b"x" * size for size in sizes]
    number = frames.fitting(entries)
    assert number >= min(1, len(entries))
    assert number <= 1 or len(frames.with_entries("entries", entries[:number], room="r" * 64)) <= 256 * 1024
    if number < len(entries):
        assert sum(map(len, entries[: number + 1])) + number + 1 + 1024 > 256 * 1024


def test_one_entry_above_the_limit_goes_alone() -> None:
    """Otherwise nothing would ever go out again."""
    assert frames.fitting([b"x" * 300_000, b"y"]) == 1
    assert frames.fitting([b"y", b"x" * 300_000]) == 1
