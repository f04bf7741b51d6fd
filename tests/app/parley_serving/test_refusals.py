"""A handshake that the library refuses gets its answer at once, and a line in the log."""

import asyncio
import logging
import socket

import pytest

from parley_serving import metrics
from tests.app.realtime.server import HANDSHAKE, holding
from tests.waiting import PATIENCE

LINES = HANDSHAKE.removesuffix(b"\r\n").replace(b"\r\n", b"\r\nX-Request-ID: 0a1b2c\r\n", 1)

REFUSED = [
    pytest.param(LINES + b"x-h: 1\r\n" * 130 + b"\r\n", b"431 Request Header Fields Too Large", id="130 headers"),
    pytest.param(LINES + b"x-h: " + b"x" * 9_000 + b"\r\n\r\n", b"431 Request Header Fields Too Large", id="long line"),
    pytest.param(LINES.replace(b"/ws/", b"/ws/" + b"x" * 9_000) + b"\r\n", b"414 ", id="long path"),
    pytest.param(LINES + b"Content-Length: 5\r\n\r\nhello", b"400 Bad Request", id="body"),
    pytest.param(
        LINES + b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n", b"400 Bad Request", id="chunked body"
    ),
    pytest.param(LINES.replace(b"Version: 13", b"Version: 12") + b"\r\n", b"400 Bad Request", id="version"),
    pytest.param(LINES.replace(b"Key: dG", b"Key: !!") + b"\r\n", b"400 Bad Request", id="key"),
    pytest.param(LINES.replace(b"GET", b"PUT") + b"\r\n", b"405 Method Not Allowed", id="method"),
]


@pytest.mark.parametrize(("request_", "status"), REFUSED)
async def test_a_refused_handshake_is_answered(
    request_: bytes, status: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    """With the status and a reason, after which the connection ends; nothing of it is left."""
    loop = asyncio.get_running_loop()
    before = metrics.EVENTS["handshakes_refused"]._value.get()
    async with holding("prepared") as server:
        with socket.create_connection(("127.0.0.1", server.port)) as peer:
            peer.setblocking(False)
            await loop.sock_sendall(peer, request_)
            got = b""
            async with asyncio.timeout(PATIENCE):
                while data := await loop.sock_recv(peer, 1 << 16):
                    got += data
    assert got.startswith(b"HTTP/1.1 " + status), got
    assert b"\r\nConnection: close\r\n" in got
    assert got.partition(b"\r\n\r\n")[2], "no reason"
    [line] = [record for record in caplog.records if record.levelno >= logging.WARNING]
    assert line.getMessage().startswith(f"handshake refused: {status[:3].decode()} ")
    assert len(line.getMessage()) < 300
    assert line.__dict__["socket"] == "0a1b2c"
    assert metrics.EVENTS["handshakes_refused"]._value.get() == before + 1
