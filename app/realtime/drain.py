"""Letting every socket go, spread over a window: they come back one after the other, not as a herd (pitfalls K1)."""

import asyncio
import contextlib
import logging
import math
from collections.abc import Callable

from realtime.frame import Frame
from realtime.socket import RESTART, Sockets

log = logging.getLogger(__name__)

BATCH_SECONDS = 0.25  # each batch is told to come back at a random moment inside this


async def drain(
    sockets: Sockets,
    *,
    window: float,
    frame: Callable[[int], Frame],
    count: Callable[[str, int], None],
) -> None:
    """Tell all sockets within `window` seconds, then start to close who stayed with 1012.

    `frame(within_ms)` makes the frame that tells a client. Ends early when nobody is left. The server waits for the
    answers to the closes: it is the one that knows its connections.
    """
    started = asyncio.get_running_loop().time()
    waiting = list(sockets)
    batches = max(1, math.ceil(window / BATCH_SECONDS)) if window else 0
    for number in range(batches):
        waiting = [socket for socket in waiting if socket in sockets]
        if not len(sockets):
            break
        size = math.ceil(len(waiting) / (batches - number))
        batch, waiting = waiting[:size], waiting[size:]
        told = frame(math.ceil(window / batches * 1000))
        for socket in batch:
            socket.write(told)
        count("drain_batches", 1)
        log.info("drain batch=%d of=%d told=%d open=%d", number + 1, batches, len(batch), len(sockets))
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout_at(started + (number + 1) * window / batches):
                await sockets.wait_empty()
    stragglers = list(sockets)
    for socket in stragglers:
        socket.close(RESTART)
    count("drain_stragglers", len(stragglers))
