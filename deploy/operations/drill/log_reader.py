"""Reads a room's log at the end of a run, with a client of its own that lives through what is still restarting."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from typing import TypeVar

from websockets.exceptions import InvalidHandshake

from deploy.effects.client.address import Address
from deploy.effects.client.http_client import HttpClient, LoginError
from deploy.effects.client.websocket_client import Frame, Hangup, Refused, Socket, connect
from deploy.operations.drill.journal import Entry, Log, entries_of

PAGE = 200
PER_SECOND = 250  # messages that the server lets one person read for long (protocol.md, Limits), with some to spare
T = TypeVar("T")


class Reader:
    """A guest who joins, reads and leaves, again and again until it worked; raises TimeoutError after `seconds`.

    A long log takes more: PER_SECOND.
    """

    def __init__(self, address: Address, room: str, *, cookie: str | None = None, seconds: float = 30.0) -> None:
        self.address = address
        self.room = room
        self.cookie = cookie
        self.seconds = seconds

    async def head(self) -> int:
        """Give the room's newest seq."""

        async def look(_: Socket, joined: Frame) -> int:
            head: int = joined["head"]
            return head

        return await self._joined(look, self.seconds)

    async def log(self, head: int, since: int = 1) -> Log:
        """Read all entries from `since` on; `head` is where every member should be."""

        async def pages(socket: Socket, joined: Frame) -> Log:
            entries: list[Entry] = []
            before = joined["head"] + 1
            while before > since:
                page = await self._page(socket, before)
                entries[:0] = entries_of(page)
                if not page["entries"] or not page["more"]:
                    break
                before = entries[0].seq
            kept = tuple(entry for entry in entries if entry.seq >= since)
            return Log(self.room, joined["epoch"], head, kept)

        return await self._joined(pages, self.seconds + (head - since) / PER_SECOND)

    async def _page(self, socket: Socket, before: int) -> Frame:
        while True:
            try:
                return await socket.history(self.room, before, PAGE)
            except Refused as refused:
                if refused.code not in {"rate_limited", "unavailable"}:
                    raise
                await asyncio.sleep(refused.frame.get("retry_ms", 500) / 1000)

    async def _joined(self, work: Callable[[Socket, Frame], Awaitable[T]], seconds: float) -> T:
        async with asyncio.timeout(seconds):
            while True:
                try:
                    self.cookie = self.cookie or await HttpClient(self.address).guest("log reader")
                    async with connect(self.address, self.cookie) as socket:
                        await socket.welcome()
                        return await work(socket, await socket.join(self.room))
                except (OSError, InvalidHandshake, LoginError, Hangup, Refused):
                    await asyncio.sleep(random.uniform(0, 0.5))  # noqa: S311 - jitter
