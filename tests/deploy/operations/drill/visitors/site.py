"""A site in the test's own loop: pages under every path, idle sockets under one, and both may be bent."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from http import HTTPStatus
from pathlib import Path

from websockets.asyncio.server import ServerConnection, serve
from websockets.datastructures import Headers
from websockets.http11 import Request, Response

from deploy.effects.client.address import Address

SOCKET = "/ws/room/"


class FakeSite:
    """A stack without processes, whose one instance is this loop."""

    database: Path | None = None
    redis_socket: Path | None = None

    def __init__(self) -> None:
        self.address = Address.at("http://127.0.0.1:1")
        self.sockets: set[ServerConnection] = set()
        self.origins: set[str | None] = set()
        self.statuses: dict[str, int] = {}  # of paths; others answer 200
        self.closes_with: int | None = None  # at once

    async def names(self) -> tuple[str, ...]:
        return ("web-1",)

    async def pid(self, name: str) -> int | None:  # noqa: ARG002 (the protocol's)
        return None

    async def ready(self, name: str) -> bool:  # noqa: ARG002 (the same)
        return True

    async def serve(self, connection: ServerConnection) -> None:
        if self.closes_with:
            await connection.close(self.closes_with)
            return
        self.sockets.add(connection)
        await connection.send("any text, and no JSON")
        await connection.wait_closed()
        self.sockets.discard(connection)

    def answer(self, _: ServerConnection, request: Request) -> Response | None:
        is_socket = "Upgrade" in request.headers
        status = self.statuses.get(request.path, 404 if is_socket and request.path != SOCKET else 200)
        if is_socket and status == 200:
            self.origins.add(request.headers.get("Origin"))
            return None
        headers = Headers({"Content-Length": "0", "Connection": "close"})
        return Response(status, HTTPStatus(status).phrase, headers)

    async def drain(self, seconds: float) -> None:
        """Close all sockets of now with 1012, spread over a window."""
        sockets = list(self.sockets)
        for socket in sockets:
            await socket.close(1012)
            await asyncio.sleep(seconds / len(sockets))

    async def restart(self) -> None:
        """Close all of them at once."""
        await asyncio.gather(*(socket.close(1012) for socket in list(self.sockets)))

    async def cut(self, number: int) -> None:
        """End some without a close frame."""
        for socket in list(self.sockets)[:number]:
            socket.transport.abort()


@asynccontextmanager
async def fake_site() -> AsyncIterator[FakeSite]:
    """Serve on a free port of loopback."""
    site = FakeSite()
    async with serve(site.serve, "127.0.0.1", 0, process_request=site.answer) as server:
        site.address = Address.at(f"http://127.0.0.1:{next(iter(server.sockets)).getsockname()[1]}")
        yield site
