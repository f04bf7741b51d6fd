"""The drain of a server whose application keeps no sockets of ours."""

import asyncio
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
