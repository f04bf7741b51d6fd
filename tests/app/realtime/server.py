"""A real uvicorn in this loop, with either websocket protocol, around sockets that a test holds."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import uvicorn

from parley_serving.protocol import PreparedProtocol, Shared
from parley_serving.worker import DrainingServer
from realtime.socket_writer import SocketWriter, socket_writer_for
from tests.waiting import PATIENCE

PROTOCOLS = {"prepared": "parley_serving.protocol:PreparedProtocol", "plain": "websockets-sansio"}
HANDSHAKE = (
    b"GET /ws/ HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)


@dataclass
class Held:
    """One accepted socket: its way out, and what the application received."""

    writer: SocketWriter
    received: list[dict[str, Any]] = field(default_factory=list)
    ended: asyncio.Event = field(default_factory=asyncio.Event)


@dataclass
class Holding:
    """The server, and its sockets as they come."""

    port: int
    server: uvicorn.Server = field(init=False)
    sockets: "asyncio.Queue[Held]" = field(default_factory=asyncio.Queue)
    is_busy: bool = False  # the application takes nothing that comes, and ends when its server does

    async def application(self, scope: Any, receive: Any, send: Any) -> None:
        """Accept, hand the way out to the test, and take what comes."""
        await receive()
        await send({"type": "websocket.accept"})
        held = Held(socket_writer_for(scope, send))
        self.sockets.put_nowait(held)
        try:
            if self.is_busy:
                await asyncio.Event().wait()
            while (message := await receive())["type"] != "websocket.disconnect":
                held.received.append(message)
            held.received.append(message)
        finally:
            held.ended.set()

    async def raw(self, buffer: int) -> tuple[Held, socket.socket]:
        """Connect with a small receive buffer and past any websocket library; nothing is read yet."""
        loop = asyncio.get_running_loop()
        peer = socket.socket()
        peer.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
        peer.setblocking(False)
        await loop.sock_connect(peer, ("127.0.0.1", self.port))
        await loop.sock_sendall(peer, HANDSHAKE)
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            head += await loop.sock_recv(peer, 1)
        assert head.startswith(b"HTTP/1.1 101")
        return await self.sockets.get(), peer


@contextlib.asynccontextmanager
async def holding(protocol: str, **options: Any) -> AsyncIterator[Holding]:
    """Serve with one of PROTOCOLS, and with options of uvicorn's."""
    listener = socket.create_server(("127.0.0.1", 0))
    holding = Holding(listener.getsockname()[1])
    config = uvicorn.Config(
        holding.application,
        interface="asgi3",
        ws=PROTOCOLS[protocol],
        lifespan="off",
        log_config=None,
        ws_per_message_deflate=False,
        timeout_graceful_shutdown=1,
        **options,
    )
    server = uvicorn.Server(config)
    holding.server = server
    server.server_state = Shared()  # as a worker's server has it
    task = asyncio.create_task(server.serve(sockets=[listener]))
    while not server.started:  # noqa: ASYNC110 (uvicorn has no event for it)
        await asyncio.sleep(0.001)
    try:
        yield holding
    finally:
        server.should_exit = True
        await task
        listener.close()


@contextlib.asynccontextmanager
async def draining(application: Any, **options: Any) -> AsyncIterator[tuple[DrainingServer, str]]:
    """Serve, and give the server and its address; its own end is waited for."""
    with socket.create_server(("127.0.0.1", 0), backlog=400) as listener:
        config = uvicorn.Config(application, interface="asgi3", ws=PreparedProtocol, lifespan="off", log_config=None)
        server = DrainingServer(config, **({"window": 2.0, "close_wait": 5.0} | options))
        running = asyncio.create_task(server.serve(sockets=[listener]))
        try:
            yield server, f"ws://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            server._begin_drain()
            async with asyncio.timeout(PATIENCE):
                await running
