"""A drain of every connection, spread over a window: they come back one by one, not as a herd (pitfalls K1)."""

import asyncio
import logging
import math
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

log = logging.getLogger(__name__)

BATCH_SECONDS = 0.25  # each batch goes at random moments inside this
LOOK_SECONDS = 0.02  # between two looks whether the last one has gone


async def drain(
    waiting: Callable[[], list[T]],
    *,
    window: float,
    is_over: Callable[[], bool],
    tell: Callable[[list[T], float], None],
    count: Callable[[str, int], None],
    look: float = LOOK_SECONDS,
) -> None:
    """Drain all that `waiting()` has by `tell(batch, seconds)`, batch by batch, within `window` seconds.

    `waiting` is asked before each batch, so who came or left meanwhile is spread over the rest of the window. Ends
    early when `is_over`, which is asked every `look` seconds. Who was told and stays is the caller's to close.
    """
    started = asyncio.get_running_loop().time()
    batches = max(1, math.ceil(window / BATCH_SECONDS)) if window else 0
    for number in range(batches):
        if is_over():
            return
        now = waiting()
        batch = now[: math.ceil(len(now) / (batches - number))]
        tell(batch, window / batches)
        count("drain_batches", 1)
        log.info("drain batch=%d of=%d told=%d open=%d", number + 1, batches, len(batch), len(now))
        await over_or(is_over, started + (number + 1) * window / batches, look)


async def over_or(is_over: Callable[[], bool], deadline: float, look: float = LOOK_SECONDS) -> None:
    """Wait until it is over, or until this moment of the loop's clock; look every so many seconds."""
    loop = asyncio.get_running_loop()
    while not is_over() and loop.time() < deadline:  # noqa: ASYNC110 (uvicorn's set has no event)
        await asyncio.sleep(min(look, max(0.0, deadline - loop.time())))
