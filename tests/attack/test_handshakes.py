"""Handshakes that are none, through the real server: each is answered at once, by an instance and through nginx."""

import asyncio

import pytest

from tests.attack.raw import peer
from tests.attack.test_frames import ways
from tests.running import RunningStack

pytestmark = pytest.mark.stack


@pytest.mark.parametrize("way", ["instance", "nginx"])
@pytest.mark.parametrize(
    ("lines", "body", "status"),
    [
        pytest.param(["x-h: 1"] * 130, b"", 431, id="130 headers"),
        pytest.param(["Content-Length: 5"], b"hello", 400, id="body"),
        pytest.param(["Transfer-Encoding: chunked"], b"5\r\nhello\r\n0\r\n\r\n", 400, id="chunked body"),
        pytest.param(["Sec-WebSocket-Version: 12"], b"", 400, id="two versions"),
    ],
)
async def test_a_refused_handshake_is_answered(
    stack: RunningStack, lines: list[str], body: bytes, status: int, way: str
) -> None:
    """Without a session; the line in the log has the id that nginx's has."""

    def refused() -> float:
        return sum(stack.measured(number)["parley_handshakes_refused_total"] for number in range(len(stack.instances)))

    before = await asyncio.to_thread(refused)
    async with peer(ways(stack)[way]) as one:
        assert await one.ask(one.handshake(*lines) + body) == status
    await stack.line(f"handshake refused: {status}", "socket=")
    assert await asyncio.to_thread(refused) == before + 1
