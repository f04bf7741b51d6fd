"""Websocket frames (RFC 6455, 5.2), as little of them as a fast client needs."""

import os
import zlib

TEXT = 0x81  # FIN and text, no extension bit: nearly every frame that a server sends
FIN, DEFLATED, OPCODE = 0x80, 0x40, 0x0F
CONTINUATION, CLOSE, PING, PONG = 0x0, 0x8, 0x9, 0xA
MASK = 0x80
FLUSHED = b"\x00\x00\xff\xff"  # what RFC 7692 takes off the end of a message

Frame = tuple[int, bytes]  # the first byte, and the payload


class ProtocolError(Exception):
    """The server sent what no server may send."""


class Parser:
    """Takes a byte stream apart. Kept small: it runs for each read of each socket."""

    __slots__ = ("_rest",)

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, data: bytes) -> list[Frame]:
        """Return the frames that are complete, and keep the rest; raises ProtocolError for a masked one."""
        if self._rest:
            data = self._rest + data
        frames: list[Frame] = []
        at, size = 0, len(data)
        while size - at >= 2:
            length, start = data[at + 1], at + 2
            if length >= 126:
                width = {126: 2, 127: 8}.get(length)
                if width is None:
                    raise ProtocolError("the server sent a masked frame")
                if size < start + width:
                    break
                length, start = int.from_bytes(data[start : start + width], "big"), start + width
            end = start + length
            if end > size:
                break
            frames.append((data[at], data[start:end]))
            at = end
        self._rest = data[at:] if at < size else b""
        return frames


class Messages:
    """Puts messages together from frames that are no plain text frames: fragments, and what is compressed."""

    def __init__(self, *, takeover: bool) -> None:
        self._takeover = takeover
        self._inflater = zlib.decompressobj(-zlib.MAX_WBITS)
        self._parts: list[bytes] = []
        self._deflated = False

    def add(self, first: int, payload: bytes) -> bytes | None:
        """Return a message when this data frame is its last."""
        if first & OPCODE != CONTINUATION:
            self._parts, self._deflated = [], bool(first & DEFLATED)
        self._parts.append(payload)
        if not first & FIN:
            return None
        whole = b"".join(self._parts)
        return self._inflated(whole) if self._deflated else whole

    def _inflated(self, data: bytes) -> bytes:
        if not self._takeover:
            self._inflater = zlib.decompressobj(-zlib.MAX_WBITS)
        return self._inflater.decompress(data + FLUSHED)


def masked(first: int, payload: bytes) -> bytes:
    """Build a client's frame; every client masks."""
    length = len(payload)
    if length < 126:
        header = bytes((first, MASK | length))
    elif length < 65_536:
        header = bytes((first, MASK | 126)) + length.to_bytes(2, "big")
    else:
        header = bytes((first, MASK | 127)) + length.to_bytes(8, "big")
    key = os.urandom(4)
    repeated = (key * (length // 4 + 1))[:length]
    mixed = int.from_bytes(payload, "big") ^ int.from_bytes(repeated, "big")
    return header + key + mixed.to_bytes(length, "big")
