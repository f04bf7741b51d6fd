"""What the tests of the app share: few examples by default, and none that are timed."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from hypothesis import HealthCheck, settings

settings.register_profile(
    "default", deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture]
)
settings.load_profile("default")

WAIT_SECONDS = 10.0  # a bound, not a wait: what is awaited comes at once or never


async def _until(holds: Callable[[], object]) -> None:
    async with asyncio.timeout(WAIT_SECONDS):
        while not holds():  # noqa: ASYNC110 (any condition, not one that has an event)
            await asyncio.sleep(0.001)


@pytest.fixture
def until() -> Callable[[Callable[[], object]], Awaitable[None]]:
    """Await a condition that the code under test brings about; fails when it never does."""
    return _until
