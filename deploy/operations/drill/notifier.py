"""Waiting for a state of one's own to change, without polling."""

import asyncio
from collections.abc import Callable
from contextlib import suppress


class Notifier:
    """Wakes every waiter at each notification; each looks at its own condition again."""

    def __init__(self) -> None:
        self._next = asyncio.Event()

    def notify(self) -> None:
        """Say that something changed."""
        self._next.set()
        self._next = asyncio.Event()

    async def wait(self, seconds: float | None = None) -> None:
        """Wait for the next notification, or for so many seconds."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._next.wait()

    async def until(self, holds: Callable[[], bool], seconds: float) -> bool:
        """Wait until the condition holds, for so many seconds at most, and say whether it does."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while not holds():
                    await self._next.wait()
        return holds()
