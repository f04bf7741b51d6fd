"""Consumers as the tutorials write them."""

import asyncio
import os
import time
from typing import Any

from channels.generic.websocket import AsyncJsonWebsocketConsumer


class Room(AsyncJsonWebsocketConsumer):
    """One room; what one sends goes to all. Some messages do what some applications do."""

    async def connect(self) -> None:
        await self.channel_layer.group_add("room", self.channel_name)
        await self.accept()

    async def disconnect(self, code: int) -> None:
        if "STOCK_HANGS" in os.environ:  # a cleanup that waits for something
            await asyncio.Event().wait()
        await self.channel_layer.group_discard("room", self.channel_name)

    async def receive_json(self, content: Any, **_: Any) -> None:
        match content:
            case {"block": seconds}:
                time.sleep(seconds)  # noqa: ASYNC251 (the pitfall)
            case {"echo": text}:
                await self.send_json({"echo": text, "pid": os.getpid()})
            case _:
                await self.channel_layer.group_send("room", {"type": "chat.message", "message": content})

    async def chat_message(self, event: Any) -> None:
        await self.send_json(event["message"])
