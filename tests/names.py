"""A name server of our own: it knows one name, and may change its mind."""

import asyncio
import contextlib
import socket
import struct
from collections.abc import AsyncIterator
from typing import Any

NAME = "web.invalid"


class Names(asyncio.DatagramProtocol):
    """Answers every question for an IPv4 address with `addresses`, good for one second."""

    addresses: tuple[str, ...] = ()
    port: int
    _transport: Any

    def connection_made(self, transport: Any) -> None:
        self._transport = transport
        self.port = transport.get_extra_info("sockname")[1]

    def datagram_received(self, data: bytes, peer: Any) -> None:
        question = data[12 : data.index(b"\0", 12) + 5]
        addresses = self.addresses if question[-4:-2] == b"\0\x01" else ()
        head = data[:2] + struct.pack(">HHHHH", 0x8180, 1, len(addresses), 0, 0)
        record = b"\xc0\x0c\0\x01\0\x01" + struct.pack(">IH", 1, 4)
        answers = b"".join(record + socket.inet_aton(address) for address in addresses)
        self._transport.sendto(head + question + answers, peer)


@contextlib.asynccontextmanager
async def name_server() -> AsyncIterator[Names]:
    """Run one on a free port."""
    loop = asyncio.get_running_loop()
    transport, names = await loop.create_datagram_endpoint(Names, local_addr=("127.0.0.1", 0))
    try:
        yield names
    finally:
        transport.close()
