"""Reading as much as one can: what it costs is counted, and a ban waits for nobody's reading."""

import asyncio
import contextlib

import pytest

from deploy.effects.client.http_client import guest
from deploy.effects.client.websocket_client import Hangup, Refused, Socket, connect
from tests.running import RunningStack
from tests.waiting import PATIENCE

pytestmark = pytest.mark.stack

SOCKETS = 40
CATCHING_UP = 25  # sockets: what they join with is below what catching up leaves, what they catch up with is above
FILL = """
from django.utils import timezone
from chat.models import Entry, Room
Room.objects.filter(slug="long").delete()
room = Room.objects.create(slug="long", title="Long", guests=True, head=3000)
Entry.objects.bulk_create(
    Entry(room=room, seq=seq, author_id=1, author_name="A", key=str(seq), text="x" * 500, at=timezone.now())
    for seq in range(1, room.head + 1)
)
"""
BAN = "from accounts.models import User; user = User.objects.get(pk=%d); user.banned = True; user.save()"


async def greedy(socket: Socket, epoch: str, is_refused: asyncio.Event) -> list[str]:
    """Read by pages and by resuming until the socket is closed; give the codes of what was refused."""
    codes: list[str] = []
    try:
        while True:
            try:
                await socket.history("long", 3000, 200)
                await socket.join("long", after=1, epoch=epoch)
            except Refused as refused:
                codes.append(f"{refused.code}: {refused.frame['detail']}")
                is_refused.set()
                await socket.fence()  # and forget what came
    except Hangup as hangup:
        return [*codes, f"closed {hangup.code}"]


async def test_who_reads_too_much_is_refused_and_banned_all_the_same(stack: RunningStack) -> None:
    """All sockets of one guest have one bucket; a ban reaches each of them, and others join and send meanwhile."""
    await stack.manage("shell", "-c", FILL)
    address = stack.pinned(0)
    cookie = await guest(address, "Mallory")
    async with connect(address, await guest(address, "Ada")) as other, asyncio.TaskGroup() as group:
        await other.welcome()
        epoch = (await other.join("long"))["epoch"]
        who: list[int] = []
        is_refused = asyncio.Event()

        async def one() -> list[str]:
            async with connect(address, cookie) as socket:
                who.append((await socket.welcome())["you"]["id"])
                return await greedy(socket, epoch, is_refused)

        reading = [group.create_task(one()) for _ in range(SOCKETS)]
        for number in range(5):
            assert await other.echo("long", f"still {number}") == 3001 + number
        async with asyncio.timeout(PATIENCE):
            await is_refused.wait()
        await stack.manage("shell", "-c", BAN % who[0])
        codes = [await task for task in reading]
        assert [one[-1] for one in codes] == ["closed 4403"] * SOCKETS
        assert "rate_limited: too many messages read" in {code for one in codes for code in one}
        assert (await other.join("long"))["head"] == 3005


async def test_catching_up_is_counted_and_refuses_nothing(stack: RunningStack) -> None:
    """What `joined` leaves to `entries` frames is the person's reading: it slows down, and their joins are answered."""
    await stack.manage("shell", "-c", FILL)
    address = stack.pinned(0)
    cookie = await guest(address, "Mirror")
    async with contextlib.AsyncExitStack() as sockets:
        opened = [await sockets.enter_async_context(connect(address, cookie)) for _ in range(CATCHING_UP)]
        person = {(await socket.welcome())["you"]["id"] for socket in opened}.pop()
        epoch = (await opened[0].join("long"))["epoch"]
        for socket in opened:
            joined = await socket.join("long", after=1, epoch=epoch)
            assert (joined["recovered"], joined["head"]) == (True, 3000)
        await stack.line("reads too many messages and is slowed down", f"person {person} ")
        assert (await opened[0].join("lobby"))["room"] == "lobby"
        assert await opened[0].echo("lobby", "and I write") > 0
