"""What the websocket library and uvicorn make of a socket's beginning and end, set right."""

import asyncio
import logging
import socket
from typing import Any

import pytest
from websockets.frames import Frame, Opcode

from parley_serving import limits
from parley_serving.refuse import not_found
from tests.app.realtime.server import HANDSHAKE, holding
from tests.waiting import PATIENCE

CLOSE = Frame(Opcode.CLOSE, (1000).to_bytes(2) + b"bye")


def written(frame: Frame | bytes) -> bytes:
    """Mask a frame as a client does, or take bytes as they are."""
    return frame if isinstance(frame, bytes) else frame.serialize(mask=True)


async def told(port: int, *frames: Frame | bytes) -> bytes:
    """Shake hands, write these frames, and read to the end."""
    loop = asyncio.get_running_loop()
    with socket.create_connection(("127.0.0.1", port)) as peer:
        peer.setblocking(False)
        await loop.sock_sendall(peer, HANDSHAKE)
        async with asyncio.timeout(PATIENCE):
            got = await loop.sock_recv(peer, 1 << 16)
            await loop.sock_sendall(peer, b"".join(map(written, frames)))
            while data := await loop.sock_recv(peer, 1 << 16):
                got += data
    return got


@pytest.mark.parametrize("opcode", [Opcode.TEXT, Opcode.BINARY])
async def test_a_close_inside_a_message_is_a_close(opcode: Opcode) -> None:
    """Answered with its own code; what came of the message is nobody's (Autobahn's 7.1.5)."""
    begun = Frame(opcode, b"fragment", fin=False)
    async with holding("prepared") as server:
        got = await told(server.port, begun, CLOSE, Frame(Opcode.CONT, b"late"))
        held = await server.sockets.get()
        await held.ended.wait()
    assert got.endswith(Frame(Opcode.CLOSE, CLOSE.data).serialize(mask=False))
    assert [(event["type"], event.get("code")) for event in held.received] == [("websocket.disconnect", 1000)]


async def test_a_peer_that_is_closed_reads_the_end_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Behind the close frame, while what it still sends is thrown away: who waits for the end need not wait long."""
    monkeypatch.setattr(limits, "LINGER_SECONDS", 60)
    async with holding("prepared") as server:
        got = await told(server.port, b"\xc1\x80\0\0\0\0", Frame(Opcode.TEXT, b"{}"))
    assert b"\x03\xeareserved bits must be 0" in got


async def test_a_plain_answer_to_a_handshake_is_no_error(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A 404 leaves no line: whoever asks for other paths would fill the log with errors."""

    async def application(_: object, scope: Any, receive: Any, send: Any) -> None:
        await not_found(scope, receive, send)

    monkeypatch.setattr("tests.app.realtime.server.Holding.application", application)
    async with holding("prepared") as server:
        got = await told(server.port)
    assert got.startswith(b"HTTP/1.1 404 Not Found\r\n")
    assert [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING] == []
