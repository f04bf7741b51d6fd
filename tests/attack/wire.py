"""A client that writes what it likes: bytes over a blocking connection, with a handshake or a request before them."""

import base64
import json
import os
import socket
import ssl
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.client import HTTPResponse
from typing import Any, NoReturn

from deploy.effects.client.address import Address

SECONDS = 30.0  # a bound for a busy machine
TEXT, BINARY, CLOSE, PING, PONG = 1, 2, 8, 9, 10
ABNORMAL = 1006  # the connection ended without a close frame


class Gone(Exception):  # noqa: N818 - closing is an answer here
    """The server closed; `code` is its close code."""

    def __init__(self, code: int) -> None:
        super().__init__(f"closed {code}")
        self.code = code


def answer(address: Address, request: bytes, method: str) -> tuple[int, bytes]:
    """Send a request as it is; give the status and the body of the answer. None is an OSError or HTTPException."""
    with address.dial(SECONDS) as connection:
        connection.sendall(request)
        response = HTTPResponse(connection, method=method)
        response.begin()
        return response.status, response.read()


def header(address: Address, **more: str) -> str:
    """Write the lines that every request of ours begins with; an underscore in a name is a hyphen."""
    named = {"Host": address.host, **address.forwarded} | {name.replace("_", "-"): text for name, text in more.items()}
    return "".join(f"{name}: {text}\r\n" for name, text in named.items())


def framed(opcode: int, data: bytes, *, fin: bool = True, rsv: int = 0, mask: bool = True, says: int = -1) -> bytes:
    """Write a frame; `says` is another length than its own in the header."""
    size = len(data) if says < 0 else says
    short = size if size < 126 else 126 if size < 1 << 16 else 127
    longer = size.to_bytes({126: 2, 127: 8}.get(short, 0)) if short > 125 else b""
    head = bytes([fin << 7 | rsv << 4 | opcode, mask << 7 | short]) + longer
    return head + bytes(4) + data if mask else head + data  # a mask of zeros leaves what it masks


@dataclass
class WebSocket:
    """One socket after its handshake, and what the server told on it."""

    connection: socket.socket
    unread: bytes = b""
    told: list[dict[str, Any]] = field(default_factory=list)

    def write(self, data: bytes) -> None:
        """Send bytes as they are; raises Gone where the server has closed."""
        try:
            self.connection.sendall(data)
        except OSError:
            self._end()

    def settle(self, ref: str) -> None:
        """Ping, and read until it is answered."""
        self.write(framed(TEXT, json.dumps({"type": "ping", "ref": ref}).encode()))
        self.until(lambda frame: frame.get("ref") == ref)

    def until(self, fits: Any) -> dict[str, Any]:
        """Read on to a frame that fits; raises Gone, or TimeoutError."""
        while True:
            for opcode, data in self.frames():
                if opcode == CLOSE:
                    raise Gone(int.from_bytes(data[:2]) if data else 1005)
                if opcode == TEXT:
                    self.told.append(json.loads(data))
                    if fits(self.told[-1]):
                        return self.told[-1]
            self._read()

    def frames(self) -> Iterator[tuple[int, bytes]]:
        """Give the whole frames among what was read."""
        while len(self.unread) >= 2:
            size, start = self.unread[1] & 127, 2
            if size > 125:
                start = 4 if size == 126 else 10
                size = int.from_bytes(self.unread[2:start])
            if len(self.unread) < start + size:
                return
            opcode, data = self.unread[0] & 15, self.unread[start : start + size]
            self.unread = self.unread[start + size :]
            yield opcode, data

    def last(self, name: str, otherwise: Any) -> Any:
        """Give what the server told last under a name."""
        return next((frame[name] for frame in reversed(self.told) if name in frame), otherwise)

    def closed(self) -> int:
        """Read what is there by now, and give the close code in it, 0 for none."""
        self.connection.settimeout(0)
        try:
            self._end()
        except Gone as gone:
            return gone.code
        except (BlockingIOError, ssl.SSLWantReadError):
            return 0

    def _read(self) -> None:
        try:
            data = self.connection.recv(65536)
        except (TimeoutError, BlockingIOError, ssl.SSLWantReadError):
            raise
        except OSError:
            data = b""
        if not data:
            raise Gone(ABNORMAL)
        self.unread += data

    def _end(self) -> NoReturn:
        """Read to the close frame: what was written last was refused, and the reason may be there."""
        while True:
            self.until(lambda _: False)


def opened(address: Address, cookie: str = "") -> WebSocket:
    """Shake hands with the chat; raises Gone where the status is another than 101, as a browser shows it."""
    connection = address.dial(SECONDS)
    key = base64.b64encode(os.urandom(16)).decode()
    more = {"Sec_WebSocket_Version": "13", "Sec_WebSocket_Key": key, "Upgrade": "websocket", "Connection": "Upgrade"}
    lines = header(address, Origin=address.origin, Cookie=cookie, **more)
    connection.sendall(f"GET /ws/chat/ HTTP/1.1\r\n{lines}\r\n".encode())
    read = b""
    while b"\r\n\r\n" not in read:
        more_read = connection.recv(65536)
        if not more_read:
            connection.close()
            raise Gone(ABNORMAL)
        read += more_read
    head, _, rest = read.partition(b"\r\n\r\n")
    if b" 101 " not in head.split(b"\r\n")[0]:
        connection.close()
        raise Gone(ABNORMAL)
    return WebSocket(connection, rest)
