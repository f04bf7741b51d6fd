"""One message to browsers, encoded once and written to any number of sockets."""

import functools


class Frame:
    """A UTF-8 JSON payload, and the same as a finished websocket text frame (RFC 6455, 5.2).

    `entries` is how many entries of a log it carries, for the feed that counts its position by them.
    """

    def __init__(self, payload: bytes, entries: int = 0) -> None:
        self.payload = payload
        self.entries = entries

    @functools.cached_property
    def wire(self) -> bytes:
        """The payload behind its header: FIN, text, not masked (a server never masks), no extension bit."""
        length = len(self.payload)
        if length < 126:
            header = bytes((0x81, length))
        elif length < 65_536:
            header = b"\x81\x7e" + length.to_bytes(2, "big")
        else:
            header = b"\x81\x7f" + length.to_bytes(8, "big")
        return header + self.payload

    @functools.cached_property
    def text(self) -> str:
        """The payload as ASGI's `websocket.send` wants it."""
        return self.payload.decode()
