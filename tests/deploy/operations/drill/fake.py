"""A small server of protocol.md with one room, in the test's own loop: each test bends one answer of it."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

from websockets.asyncio.server import ServerConnection, broadcast, serve
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response

from deploy.effects.client.address import Address
from deploy.effects.client.websocket_client import Frame, decode, encode
from deploy.operations.drill.journal import Log, entries_of
from tests.waiting import PATIENCE

Bend = Callable[["Peer", Frame], Awaitable[bool]]


class Peer:
    """One socket of the server."""

    def __init__(self, server: "Fake", connection: ServerConnection, number: int) -> None:
        self.server = server
        self.connection = connection
        self.number = number  # from 1, in the order of connecting
        self.joined = False

    async def tell(self, kind: str, **fields: Any) -> None:
        await self.connection.send(encode({"type": kind, **fields}))


class Fake:
    """A room named lobby, kept in memory; `bend` takes over a frame type, as often as it answers True."""

    def __init__(self) -> None:
        self.address = Address.at("http://127.0.0.1:1")
        self.epoch = "epoch-1"
        self.entries: list[dict[str, Any]] = []
        self.peers: list[Peer] = []
        self.heard: list[tuple[int, Frame]] = []
        self.bends: dict[str, Bend] = {}
        self.handshake: Callable[[ServerConnection, Request], Awaitable[Response | None]] | None = None
        self.refuse_with: int | None = None  # close with this code instead of a welcome
        self.came = asyncio.Condition()

    def bend(self, kind: str, bend: Bend) -> None:
        self.bends[kind] = bend

    def frames(self, kind: str) -> list[Frame]:
        return [frame for _, frame in self.heard if frame["type"] == kind]

    def log(self) -> Log:
        return Log("lobby", self.epoch, len(self.entries), entries_of({"entries": self.entries}))

    async def until(self, holds: Callable[[], bool]) -> None:
        async with asyncio.timeout(PATIENCE), self.came:
            await self.came.wait_for(holds)

    async def serve(self, connection: ServerConnection) -> None:
        if self.refuse_with:
            await connection.close(self.refuse_with)
            return
        peer = Peer(self, connection, len(self.peers) + 1)
        self.peers.append(peer)
        try:
            await peer.tell("welcome", protocol=1, instance=f"fake-{peer.number}", you={"id": 1, "name": "w"})
            async for data in connection:
                await self.answer(peer, decode(data))
        except ConnectionClosed:
            pass
        finally:
            peer.joined = False
            await self.moved()

    async def moved(self) -> None:
        async with self.came:
            self.came.notify_all()

    async def answer(self, peer: Peer, frame: Frame) -> None:
        self.heard.append((peer.number, frame))
        bend = self.bends.get(frame["type"])
        if not (bend and await bend(peer, frame)):
            await getattr(self, f"on_{frame['type']}")(peer, frame)
        await self.moved()

    async def on_join(self, peer: Peer, frame: Frame) -> None:
        after = frame.get("after")
        recovered = after is not None and frame.get("epoch") == self.epoch and after <= len(self.entries)
        entries = self.entries[after:] if recovered else self.entries[-50:]
        peer.joined = True
        head = {"epoch": self.epoch, "head": len(self.entries), "recovered": recovered}
        await peer.tell("joined", room="lobby", ref=frame.get("ref"), entries=entries, **head)

    async def on_send(self, peer: Peer, frame: Frame) -> None:
        entry, repeated = self.append(frame["key"])
        sent = {"room": "lobby", "key": frame["key"], "seq": entry["seq"], "at": entry["at"]}
        if not repeated:
            await self.spread(entry)
        await peer.tell("sent", **sent, **({"repeated": True} if repeated else {}))

    async def on_ping(self, peer: Peer, frame: Frame) -> None:
        heads = {"lobby": len(self.entries)} if peer.joined else {}
        await peer.tell("pong", heads=heads, ref=frame.get("ref"))

    async def on_history(self, peer: Peer, frame: Frame) -> None:
        below = [entry for entry in self.entries if entry["seq"] < frame["before"]]
        page = below[-frame.get("limit", 50) :]
        more = len(page) < len(below)
        await peer.tell("history", room="lobby", entries=page, more=more, ref=frame.get("ref"))

    def append(self, key: str) -> tuple[dict[str, Any], bool]:
        for entry in self.entries:
            if entry["key"] == key:
                return entry, True
        seq = len(self.entries) + 1
        author = {"id": 1, "name": "w"}
        self.entries.append({"seq": seq, "kind": "text", "key": key, "author": author, "at": f"at-{seq}"})
        return self.entries[-1], False

    async def spread(self, entry: dict[str, Any]) -> None:
        # Written at once to everybody: with a wait in between the next entry could overtake this one, and a peer that
        # has just closed would end whoever sent it.
        broadcast(
            [peer.connection for peer in self.peers if peer.joined],
            encode({"type": "entries", "room": "lobby", "entries": [entry]}),
        )

    async def process(self, connection: ServerConnection, request: Request) -> Response | None:
        return await self.handshake(connection, request) if self.handshake else None


@asynccontextmanager
async def fake_server() -> AsyncIterator[Fake]:
    """Serve on a free port of loopback."""
    fake = Fake()
    async with serve(fake.serve, "127.0.0.1", 0, process_request=fake.process, close_timeout=1) as server:
        port = next(iter(server.sockets)).getsockname()[1]
        fake.address = Address.at(f"http://127.0.0.1:{port}")
        yield fake
