"""Signals to processes of others, and waiting until something holds."""

import asyncio
import inspect
import os
import signal
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress

from deploy.errors import StackError

POLL = 0.05


def tell(pid: int, number: signal.Signals) -> None:
    """Send a signal; a process that has just ended needs none."""
    with suppress(ProcessLookupError):
        os.kill(pid, number)


async def until(holds: Callable[[], bool | Awaitable[bool]], seconds: float, what: str) -> None:
    """Wait until the condition holds; raises StackError that names it when it does not come true in time."""
    deadline = time.monotonic() + seconds
    while not (await now if inspect.isawaitable(now := holds()) else now):
        if time.monotonic() > deadline:
            raise StackError(f"not within {seconds:g} s: {what}")
        await asyncio.sleep(POLL)  # other processes' states have no event to await
