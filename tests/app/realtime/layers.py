"""Channel layers that do what a test says."""

import asyncio
from typing import Any

from channels.layers import InMemoryChannelLayer


class Scripted(InMemoryChannelLayer):
    """An in-memory layer whose calls can be held, broken, recorded or lost."""

    def __init__(self) -> None:
        super().__init__(capacity=10_000)
        self.sent: list[tuple[str, dict[str, Any]]] = []
        self.open = asyncio.Event()  # group_send and send wait for it
        self.open.set()
        self.adds = asyncio.Event()  # group_add waits for it
        self.adds.set()
        self.is_broken = False
        self.loses = False

    async def send(self, channel: str, message: dict[str, Any]) -> None:
        await self._do()
        if not self.loses:
            await super().send(channel, message)

    async def group_send(self, group: str, message: dict[str, Any]) -> None:
        await self._do()
        self.sent.append((group, message))
        if not self.loses:
            await super().group_send(group, message)

    async def group_add(self, group: str, channel: str) -> None:
        await self.adds.wait()
        await super().group_add(group, channel)

    async def _do(self) -> None:
        await self.open.wait()
        if self.is_broken:
            raise ConnectionError("no layer")
