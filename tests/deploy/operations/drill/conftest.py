"""A server of protocol.md and a witness that is quick to try again."""

from collections.abc import AsyncIterator

import pytest

from deploy.operations.drill.timeouts import Patience
from deploy.operations.drill.witness import Witness
from tests.deploy.operations.drill.fake import Fake, fake_server

QUICK = Patience(handshake=10.0, answer=10.0, ping=0.05, silence=30.0, first=0.02, longest=0.05, later=0.02)


@pytest.fixture
async def fake() -> AsyncIterator[Fake]:
    """A server whose answers the test may bend."""
    async with fake_server() as fake:
        yield fake


@pytest.fixture
async def witness(fake: Fake) -> AsyncIterator[Witness]:
    """A client of that server, in the room."""
    async with Witness("w-0", fake.address, cookie="sessionid=s", patience=QUICK, seed=1) as witness:
        assert await witness.ready()
        yield witness
