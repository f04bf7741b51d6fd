"""The generator's frames: whatever way the bytes come, each frame once."""

import random
import zlib

import pytest

from deploy.operations.bench.load.frames import FLUSHED, TEXT, Messages, Parser, ProtocolError, masked

LENGTHS = [0, 1, 125, 126, 127, 65_535, 65_536, 70_000]


def frame(first: int, payload: bytes) -> bytes:
    """Build a server's frame, by the RFC's words and not by the code under test."""
    length = len(payload)
    if length <= 125:
        return bytes([first, length]) + payload
    if length <= 0xFFFF:
        return bytes([first, 126]) + length.to_bytes(2, "big") + payload
    return bytes([first, 127]) + length.to_bytes(8, "big") + payload


def unmasked(data: bytes) -> tuple[int, bytes]:
    """Read a client's frame, by the RFC's words."""
    assert data[1] & 0x80
    length, start = data[1] & 0x7F, 2
    if length >= 126:
        width = 2 if length == 126 else 8
        length, start = int.from_bytes(data[2 : 2 + width], "big"), 2 + width
    key, body = data[start : start + 4], data[start + 4 :]
    assert len(body) == length
    return data[0], bytes(byte ^ key[index % 4] for index, byte in enumerate(body))


@pytest.mark.parametrize("length", LENGTHS)
def test_frame_of_any_length(length: int) -> None:
    """Each of the three ways to write a length is read."""
    payload = random.Random(length).randbytes(length)
    assert Parser().feed(frame(TEXT, payload)) == [(TEXT, payload)]


def test_stream_cut_anywhere_gives_the_same_frames() -> None:
    """Frames come out once and in order, however the network cuts the bytes."""
    frames = [(TEXT, b"x" * length) for length in (0, 5, 125, 126, 300)] + [(0x89, b"ping"), (0x88, b"\x03\xe8")]
    data = b"".join(frame(*one) for one in frames)
    for size in range(1, len(data) + 1):
        parser = Parser()
        got = [one for at in range(0, len(data), size) for one in parser.feed(data[at : at + size])]
        assert got == frames


def test_masked_server_frame_is_refused() -> None:
    """No server masks: it would be read as a length."""
    with pytest.raises(ProtocolError):
        Parser().feed(bytes([TEXT, 0x85]) + b"abcdefghi")


def test_fragments_make_one_message() -> None:
    """A message in three frames is one message."""
    messages = Messages(takeover=True)
    assert messages.add(0x01, b"one ") is None
    assert messages.add(0x00, b"two ") is None
    assert messages.add(0x80, b"three") == b"one two three"


@pytest.mark.parametrize("takeover", [True, False])
def test_compressed_messages_are_inflated(takeover: bool) -> None:
    """With the window kept between messages, and with a new one for each."""
    messages = Messages(takeover=takeover)
    deflater = zlib.compressobj(wbits=-15)
    for number in range(3):
        text = f"message {number} ".encode() * 20
        data = deflater.compress(text) + deflater.flush(zlib.Z_SYNC_FLUSH)
        assert messages.add(0xC1, data.removesuffix(FLUSHED)) == text
        if not takeover:
            deflater = zlib.compressobj(wbits=-15)


@pytest.mark.parametrize("length", LENGTHS)
def test_client_frame_is_masked(length: int) -> None:
    """What we send is what any server unmasks."""
    payload = random.Random(length).randbytes(length)
    assert unmasked(masked(TEXT, payload)) == (TEXT, payload)
