"""A stock consumer beside the chat, in a copy of the checkout: sockets that know neither a drain nor Parley."""

import asyncio
from contextlib import AsyncExitStack
from typing import Any

from websockets.asyncio.client import ClientConnection, connect, unix_connect

from deploy.effects.client.address import Address

PATH = "/ws/stock/"
CHANGES = (
    (
        "app/config/asgi.py",
        "chat: Any = Handshake(ChatConsumer.as_asgi())\n",
        """chat: Any = Handshake(ChatConsumer.as_asgi())
from channels.generic.websocket import AsyncWebsocketConsumer
stock: Any = AsyncWebsocketConsumer.as_asgi()
""",
    ),
    (
        "app/config/asgi.py",
        '                path("ws/chat/", chat),\n',
        '                path("ws/chat/", chat),\n                path("ws/stock/", stock),\n',
    ),
)
AT_ONCE = 20  # handshakes


async def opened(exits: AsyncExitStack, address: Address, number: int) -> list[ClientConnection]:
    """Open so many stock sockets, which say nothing."""
    slots = asyncio.Semaphore(AT_ONCE)

    async def one() -> ClientConnection:
        async with slots:
            return await exits.enter_async_context(_connect(address))

    return list(await asyncio.gather(*(one() for _ in range(number))))


def _connect(address: Address) -> Any:
    settings: dict[str, Any] = {
        "origin": address.origin,
        "additional_headers": address.forwarded,
        "compression": None,
        "open_timeout": 30,
        "close_timeout": 2,
        "ping_interval": None,
    }
    if address.path is not None:
        return unix_connect(str(address.path), f"ws://{address.host}{PATH}", **settings)
    if address.via:
        settings["host"], settings["port"] = address.via
    return connect(f"wss://{address.host}{PATH}", ssl=address.tls, proxy=None, **settings)
