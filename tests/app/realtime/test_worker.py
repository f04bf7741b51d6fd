"""The drain of a server whose application keeps no sockets of ours."""

import asyncio
import contextlib
import logging
import signal
import socket
from typing import Any

import pytest
import uvicorn
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from realtime import process
from realtime.protocol import PreparedProtocol
from realtime.worker import DrainingServer
from tests.app.realtime.server import HANDSHAKE


async def late(scope: Any, receive: Any, send: Any) -> None:
    """A stock application: it hears of the end, and says one thing more."""
    await receive()
    await send({"type": "websocket.accept"})
    await send({"type": "websocket.send", "text": "hello"})
    assert (await receive())["code"] == 1012
    await send({"type": "websocket.send", "text": "too late"})


async def test_sockets_that_nobody_counts_are_closed_with_1012(caplog: pytest.LogCaptureFixture) -> None:
    """With a completed handshake; what the application sends afterwards is no error of anybody's."""
    caplog.set_level(logging.INFO)
    listener = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(late, interface="asgi3", ws=PreparedProtocol, lifespan="off", log_config=None)
    server = DrainingServer(config, window=1.0, close_wait=5.0)
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    async with asyncio.timeout(10), connect(f"ws://127.0.0.1:{listener.getsockname()[1]}/", proxy=None) as client:
        assert await client.recv() == "hello"
        server._begin_drain()
        with pytest.raises(ConnectionClosed) as closed:
            await client.recv()
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 1012
        await serving
    listener.close()
    assert [record.getMessage() for record in caplog.records if record.levelno > logging.INFO] == []
    assert any(record.getMessage().startswith("drain finished sockets=0") for record in caplog.records)


async def nothing(scope: Any, receive: Any, send: Any) -> None:
    """An application that nobody asks."""


async def served(server: DrainingServer) -> None:
    """Serve on a free port until the drain is over."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        async with asyncio.timeout(10):
            await server._serve(sockets=[listener])


async def test_signal_before_the_start_is_not_forgotten(caplog: pytest.LogCaptureFixture) -> None:
    """gunicorn sends one, and then waits for as long as a drain may take."""
    caplog.set_level(logging.INFO)
    config = uvicorn.Config(nothing, interface="asgi3", ws=PreparedProtocol, lifespan="off", log_config=None)
    server = DrainingServer(config, window=1.0, close_wait=5.0)
    server.handle_exit(signal.SIGTERM, None)
    await served(server)
    assert caplog.messages[-1].startswith("drain finished sockets=0")


async def test_process_that_cannot_stop_does_not_keep_the_server(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its error is told, and the worker ends."""

    class Process:
        async def drain(self, window: float) -> None:
            """Nobody to let go."""

        async def stop(self) -> None:
            raise RuntimeError("a database that cannot be closed")

    monkeypatch.setattr(process, "running", Process)
    config = uvicorn.Config(nothing, interface="asgi3", ws=PreparedProtocol, lifespan="off", log_config=None)
    server = DrainingServer(config, window=1.0, close_wait=5.0)
    asyncio.get_running_loop().call_later(0.1, server._begin_drain)
    with pytest.raises(RuntimeError, match="cannot be closed"):
        await served(server)


async def test_signals_drain_once_and_the_listener_goes_first(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A refused connection is what sends the next client elsewhere (pitfalls L1); what is drained is stopped, once."""
    caplog.set_level(logging.INFO)
    did: list[str] = []

    class Process:
        async def drain(self, window: float) -> None:
            assert not any(listener.is_serving() for listener in server.servers)
            did.append(f"drain {window}")

        async def stop(self) -> None:
            did.append("stop")

    monkeypatch.setattr(process, "running", Process)
    config = uvicorn.Config(nothing, interface="asgi3", ws=PreparedProtocol, lifespan="off", log_config=None)
    server = DrainingServer(config, window=1.5, close_wait=5.0)
    serving = asyncio.create_task(served(server))
    while not server.started:  # noqa: ASYNC110 (uvicorn has no event for it)
        await asyncio.sleep(0.001)
    assert server.servers[0].is_serving()
    for number in (signal.SIGTERM, signal.SIGQUIT):
        server.handle_exit(number, None)
    server._begin_drain()
    await serving
    assert did == ["drain 1.5", "stop"]
    assert sum(message.startswith("drain finished") for message in caplog.messages) == 1


async def deaf(scope: Any, receive: Any, send: Any) -> None:
    """Write more than any buffer takes."""
    await receive()
    await send({"type": "websocket.accept"})
    with contextlib.suppress(OSError):
        while True:
            await send({"type": "websocket.send", "bytes": b"x" * 65_536})


async def test_who_reads_nothing_is_dropped_after_the_wait(caplog: pytest.LogCaptureFixture) -> None:
    """A close behind a full buffer is never answered: it is counted as cut, and the server ends."""
    caplog.set_level(logging.INFO)
    listener = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(deaf, interface="asgi3", ws=PreparedProtocol, lifespan="off", log_config=None)
    server = DrainingServer(config, window=0.1, close_wait=0.2)
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    async with asyncio.timeout(10):
        reader, writer = await asyncio.open_connection(*listener.getsockname(), limit=1024)
        writer.write(HANDSHAKE)
        assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 101")
        while not any(not one.is_writable for one in server._websockets()):  # noqa: ASYNC110 (uvicorn has no event)
            await asyncio.sleep(0.001)
        server._begin_drain()
        await serving
        writer.close()
    listener.close()
    [finished] = [message for message in caplog.messages if message.startswith("drain finished")]
    assert finished.startswith("drain finished sockets=1 ")
