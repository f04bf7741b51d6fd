"""One who says without end that they are writing, through the real server."""

import asyncio

import pytest

from deploy.effects.client.http_client import guest
from deploy.effects.client.websocket_client import Socket, connect
from tests.running import RunningStack
from tests.waiting import PATIENCE

pytestmark = pytest.mark.stack

FRAMES = 150  # below the burst: none of them is refused
MOST = 15  # one at once and one a second: a machine that takes ten seconds for 150 frames is broken


async def typing_before(reader: Socket, text: str) -> int:
    """Count who is told to be writing until a message comes."""
    count = 0
    async with asyncio.timeout(PATIENCE):
        while True:
            frame = await reader.read()
            count += frame["type"] == "typing"
            if frame["type"] == "entries" and any(entry["text"] == text for entry in frame["entries"]):
                return count


async def test_a_flood_of_typing_is_told_as_one(stack: RunningStack) -> None:
    """On both instances, and none of it is told after the message that it announced."""
    await stack.manage("shell", "-c", "from chat.models import Room; Room.objects.create(slug='typing', guests=True)")
    near, far = stack.pinned(0), stack.pinned(1)
    async with (
        connect(near, await guest(near, "Writer")) as writer,
        connect(near, await guest(near, "Near")) as one,
        connect(far, await guest(far, "Far")) as two,
    ):
        for socket in (writer, one, two):
            await socket.welcome()
            await socket.join("typing")
        await two.expect("presence", count=3)  # so the other instance hears of this room
        await writer.write("typing", room="typing")
        for socket in (one, two):
            await socket.expect("typing")
        for _ in range(FRAMES - 1):
            await writer.write("typing", room="typing")
        await writer.send_text("typing", "that was all")
        told = await asyncio.gather(*(typing_before(socket, "that was all") for socket in (one, two)))
        assert max(told) < MOST
        await writer.write("typing", room="typing")  # later ones are told again
        for socket in (one, two):
            await socket.expect("typing")
