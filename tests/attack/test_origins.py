"""Handshakes from elsewhere, through the real server."""

import pytest

from tests.attack.raw import peer
from tests.attack.test_frames import ways
from tests.running import RunningStack

pytestmark = pytest.mark.stack


@pytest.mark.parametrize("way", ["instance", "nginx"])
async def test_a_foreign_host_is_refused(stack: RunningStack, way: str) -> None:
    """400, as a page of Django's answers, whatever the Origin says; one of ours with another port is let in."""
    async with peer(ways(stack)[way]) as one:
        assert await one.ask(one.handshake(host="evil.example")) == 400
    await stack.line("handshake refused: Host 'evil.example' is not one of ALLOWED_HOSTS", "socket=")
    async with peer(ways(stack)[way]) as one:
        assert await one.ask(one.handshake(host="localhost:1")) == 101


@pytest.mark.parametrize("change", ["https://x@{}", "https://{}/path", "https://{}#x", "https://{}/"])
async def test_an_origin_is_compared_as_a_whole(stack: RunningStack, change: str) -> None:
    """What a parser would take for ours is refused with 403."""
    origin = change.format(stack.address.host)
    async with peer(stack.address) as one:
        assert await one.ask(one.handshake(origin=origin)) == 403
    await stack.line(f"handshake refused: Origin {origin!r}")
