"""Ending tasks, in bounded time."""

import asyncio
import logging
from collections.abc import Collection

log = logging.getLogger(__name__)

# A cancelled `receive` of channels-redis unsubscribes first, under a lock that a frozen Redis holds (pitfalls L4, L5).
END_SECONDS = 1.0


async def end(tasks: Collection[asyncio.Task[None]]) -> None:
    """Cancel tasks and wait until they ended; those that do not within END_SECONDS are left behind, and named."""
    for task in tasks:
        task.cancel()
    if tasks:
        _, pending = await asyncio.wait(tasks, timeout=END_SECONDS)
        for task in pending:
            log.warning("a task did not end in time: %s", task.get_coro())
