"""What the tests of the app share."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

WAIT_SECONDS = 30.0  # a bound, not a wait: what is awaited comes at once or never


async def _until(holds: Callable[[], object]) -> None:
    async with asyncio.timeout(WAIT_SECONDS):
        while not holds():  # noqa: ASYNC110 (any condition, not one that has an event)
            await asyncio.sleep(0.001)


@pytest.fixture
def until() -> Callable[[Callable[[], object]], Awaitable[None]]:
    """Await a condition that the code under test brings about; fails when it never does."""
    return _until
