"""What the generator says to each peer, and what it makes of the answers."""

import json

import pytest

from deploy.operations.bench.load.dialects import (
    TEXT_BYTES,
    Floor,
    Heard,
    Parley,
    Reader,
    Seat,
    SocketIO,
    Tutorial,
    text,
)
from deploy.operations.bench.load.handshake import answer, request
from deploy.operations.bench.load.plan import Endpoint, Plan

PLAN = Plan("fanout", "floor", [Endpoint(port=1)], ["sessionid=a"], "localhost:1", "https://localhost:1", {}, 4)


def test_texts_are_as_long_as_the_design_says() -> None:
    """100 bytes, whatever the number."""
    assert {len(text(number).encode()) for number in (0, 7, 12_345_678)} == {TEXT_BYTES}


def entries(*seqs: int) -> bytes:
    """Write an `entries` frame whose messages have their seq for a number."""
    return json.dumps(
        {"type": "entries", "room": "r", "entries": [{"seq": seq, "kind": "text", "text": text(seq)} for seq in seqs]}
    ).encode()


def test_parley_entries_give_numbers_and_the_first_seq() -> None:
    """A batch is one frame of many messages."""
    assert Parley().read(entries(4, 5, 6)) == Heard((4, 5, 6), 4)


def test_parley_gap_inside_a_frame_is_refused() -> None:
    """The seqs of a frame continue each other."""
    assert "gap" in Parley().read(entries(4, 6)).refused


def test_parley_answers() -> None:
    """A greeting asks for the join; `sent` has the number; an error ends the run; the rest is passed over."""
    parley = Parley()
    assert parley.read(b'{"type":"welcome"}').join
    assert parley.read(b'{"type":"sent","key":"ab-12","seq":3}').stored == 12
    assert "stored before" in parley.read(b'{"type":"sent","key":"ab-12","seq":3,"repeated":true}').refused
    assert parley.read(b'{"type":"error","code":"rate_limited","detail":"x"}').refused == "rate_limited: x"
    assert parley.read(b'{"type":"presence","room":"r","count":3}') == Heard()
    joined = parley.read(b'{"type":"joined","head":7,"epoch":"e","recovered":true,"entries":[]}')
    assert (joined.ready, joined.joined.head, joined.joined.recovered) == (True, 7, True)


def test_no_key_comes_in_two_runs() -> None:
    """The room keeps the keys of the rounds before: the same one again would be answered and never delivered."""
    keys = {json.loads(parley.message("r", 1))["key"] for parley in (Parley(), Parley())}
    assert len(keys) == 2


def test_parley_resumes_with_what_it_has() -> None:
    """A seat with a position joins with it."""
    asked = json.loads(Parley().join(Seat("r", after=3, epoch="e")))
    assert asked == {"type": "join", "room": "r", "after": 3, "epoch": "e"}
    assert json.loads(Parley().join(Seat("r"))) == {"type": "join", "room": "r"}


def test_engine_io_is_answered() -> None:
    """Open, connect, join, ping and messages of Socket.IO."""
    peer = SocketIO()
    assert peer.read(b'0{"sid":"a"}').reply == b"40"
    assert peer.read(b'40{"sid":"b"}').join
    assert peer.read(b'42["joined"]').ready
    assert peer.read(b"2").reply == b"3"
    assert peer.read(f'42["message","{text(9)}"]'.encode()).numbers == (9,)


def test_messages_of_the_others_come_back_as_they_went() -> None:
    """The tutorial's object and the floor's bare text."""
    assert Tutorial().read(Tutorial().message("r", 5)).numbers == (5,)
    assert Floor().read(Floor().message("r", 6)).numbers == (6,)


def test_same_bytes_are_read_once() -> None:
    """All members get the same bytes: what they say is remembered, and never grows without end."""
    reader = Reader(Parley())
    assert reader.read(entries(1)) is reader.read(entries(1))
    for seq in range(2, 1000):
        reader.read(entries(seq))
    assert len(reader._memo) <= 256


def test_offer_of_browsers() -> None:
    """Compression is offered where that is asked for, and not otherwise."""
    offers = Plan("fanout", "floor", PLAN.endpoints, PLAN.cookies, PLAN.host, PLAN.origin, {}, 4, browser=True)
    assert b"permessage-deflate" in request(offers, "/", "sessionid=a")
    assert b"permessage-deflate" not in request(PLAN, "/", "sessionid=a")


def test_answer_to_the_handshake() -> None:
    """The status, what was negotiated, and the first frame behind it; nothing while it is not complete."""
    head = (
        b"HTTP/1.1 101 Switching Protocols\r\nSec-WebSocket-Extensions: permessage-deflate; server_no_context_takeover"
    )
    assert answer(head) is None
    opened = answer(head + b"\r\n\r\n\x81\x00")
    assert opened == (101, True, False, b"\x81\x00")
    assert answer(b"HTTP/1.1 503 Service Unavailable\r\n\r\n") == (503, False, True, b"")
    with pytest.raises(ValueError, match="no HTTP answer"):
        answer(b"SSH-2.0-OpenSSH\r\n\r\n")
