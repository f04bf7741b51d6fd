"""Somebody who opens one page after the other, each as a new visitor."""

import asyncio
import random
import time
from collections.abc import Sequence
from itertools import cycle
from types import TracebackType
from typing import Self

from deploy.effects.client.address import Address
from deploy.effects.client.http_client import HttpClient
from deploy.operations.drill.visitors.events import Load

ANSWER_SECONDS = 60.0  # nginx's own patience with an instance ends then, in a 504


class PageVisitor:
    """Loads pages at this rate, from `async with` to the end of it; the last one is waited for."""

    def __init__(self, address: Address, pages: Sequence[str], rate: float, rng: random.Random) -> None:
        self.loads: list[Load] = []
        self.address, self.pages, self.rate, self.rng = address, pages, rate, rng
        self._over = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self._visit(), name="page visitor")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        if self._task:
            await self._task

    async def _visit(self) -> None:
        due = time.monotonic() + self.rng.uniform(0, 1 / self.rate)
        for page in cycle(self.pages):
            await self._until(due)
            if self._over.is_set():
                return
            self.loads.append(await load(self.address, page))
            due = max(due + 1 / self.rate, time.monotonic())  # who waited for a page does not make up for it

    async def _until(self, due: float) -> None:
        try:
            async with asyncio.timeout(max(0.0, due - time.monotonic())):
                await self._over.wait()
        except TimeoutError:
            pass


async def load(address: Address, page: str) -> Load:
    """Ask for a page, and say what came."""
    start = time.monotonic()
    try:
        reply = await HttpClient(address, timeout=ANSWER_SECONDS).get(page)
    except OSError as error:
        return Load(page, start, None, type(error).__name__)
    return Load(page, start, reply.status)
