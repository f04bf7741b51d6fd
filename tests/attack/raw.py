"""A peer that writes bytes past every library: to one instance, or through nginx."""

import asyncio
import base64
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from deploy.effects.client.address import Address

SECONDS = 30.0  # a bound for a busy machine
LARGEST = 64 * 1024


@dataclass
class Peer:
    """One connection, and how a handshake is asked for on it."""

    address: Address
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    def handshake(self, *lines: str, host: str | None = None, origin: str | None = None) -> bytes:
        """Return the bytes of a handshake with more header lines."""
        all_lines = [
            "GET /ws/chat/ HTTP/1.1",
            f"Host: {self.address.host if host is None else host}",
            f"Origin: {self.address.origin if origin is None else origin}",
            "Upgrade: websocket",
            "Connection: Upgrade",
            f"Sec-WebSocket-Key: {base64.b64encode(os.urandom(16)).decode()}",
            "Sec-WebSocket-Version: 13",
            *(f"{name}: {value}" for name, value in self.address.forwarded.items()),
            *lines,
        ]
        return "\r\n".join([*all_lines, "", ""]).encode()

    async def ask(self, request: bytes) -> int:
        """Send a request, and return the status of its answer."""
        self.writer.write(request)
        async with asyncio.timeout(SECONDS):
            line = await self.reader.readline()
            await self.reader.readuntil(b"\r\n\r\n")
        return int(line.split()[1])

    async def frame(self) -> tuple[int, bytes]:
        """Read one frame of the server's; return its opcode and what is in it."""
        head = await self.reader.readexactly(2)
        size = head[1]
        if size > 125:
            size = int.from_bytes(await self.reader.readexactly(2 if size == 126 else 8))
        return head[0] & 15, await self.reader.readexactly(size)

    async def code(self) -> int:
        """Read on until the close frame, and return its code."""
        async with asyncio.timeout(SECONDS):
            while True:
                opcode, payload = await self.frame()
                if opcode == 8:
                    return int.from_bytes(payload[:2])


@asynccontextmanager
async def peer(address: Address) -> AsyncIterator[Peer]:
    """Connect, with TLS where the site has it."""
    async with asyncio.timeout(SECONDS):
        if address.path is not None:
            streams = await asyncio.open_unix_connection(str(address.path), limit=LARGEST)
        else:
            streams = await asyncio.open_connection(
                address.hostname, address.port, ssl=address.tls, server_hostname=address.hostname, limit=LARGEST
            )
    try:
        yield Peer(address, *streams)
    finally:
        streams[1].transport.abort()


@asynccontextmanager
async def opened(address: Address, cookie: str) -> AsyncIterator[Peer]:
    """Connect with a session, past the greeting."""
    async with peer(address) as one:
        assert await one.ask(one.handshake(f"Cookie: {cookie}")) == 101
        async with asyncio.timeout(SECONDS):
            opcode, payload = await one.frame()
        assert (opcode, b'"welcome"' in payload) == (1, True)
        yield one
