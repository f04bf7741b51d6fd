"""Cleanup that always runs: what is left of those who left is nothing (pitfalls B1)."""

import asyncio
from collections.abc import Iterator
from contextlib import AsyncExitStack

import pytest
from redis.asyncio import Redis

from deploy.effects.client.address import Address
from deploy.effects.client.http_client import guest
from deploy.effects.client.websocket_client import connect
from tests.running import UNLIMITED, RunningStack, changed_checkout, running_stack
from tests.waiting import PATIENCE

pytestmark = pytest.mark.stack

LEAVERS = 200
LAST = "who is left?"


@pytest.fixture
def own_stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningStack]:
    """A stack whose counters are this test's."""
    root = changed_checkout(tmp_path_factory.mktemp("fast") / "checkout", *UNLIMITED)
    with running_stack(tmp_path_factory.mktemp("leavers"), root=root) as running:
        yield running


async def test_abrupt_leavers_leave_nothing(own_stack: RunningStack) -> None:
    """200 cut their connections while somebody talks: sockets, feeds, people and groups are those of who stayed."""
    address = own_stack.pinned(0)
    stop = asyncio.Event()
    await own_stack.manage(
        "shell", "-c", "from chat.models import Room; Room.objects.create(slug='other', title='O', guests=True)"
    )
    async with (
        connect(address, await guest(address, "Talker")) as talker,
        connect(address, await guest(address, "Stayer")) as stayer,
    ):
        for socket in (talker, stayer):
            await socket.welcome()
            await socket.join("lobby")

        async def talk() -> int:
            said = 0
            while not stop.is_set():
                await talker.send_text("lobby", f"line {said}")
                said += 1
            return said

        async def listen() -> None:
            while True:  # one who does not read is let go too
                frame = await stayer.read(60)
                if any(entry["text"] == LAST for entry in frame.get("entries", [])):
                    return

        listening = asyncio.create_task(listen())
        talking = asyncio.create_task(talk())
        async with AsyncExitStack() as exits:
            await come_and_go(address, exits)
            found = await own_stack.until_measured(
                0, timeout=PATIENCE, sockets=2, subscriptions=2, behind=0, feeds=1, groups=1, people=2
            )
        stop.set()
        assert await talking > 50
        assert found["parley_layer_well"] == 1
        await talker.send_text("lobby", LAST)
        await asyncio.wait_for(listening, 20)
    await nobody_is_left(own_stack)


async def come_and_go(address: Address, exits: AsyncExitStack) -> None:
    """Have everybody join, half of them a second room, and then leave at once without a word."""
    cookies = [await guest(address, f"Leaver {number}") for number in range(10)]
    leavers = []
    for number in range(LEAVERS):
        socket = await exits.enter_async_context(connect(address, cookies[number % 10]))
        await socket.welcome()
        await socket.join("lobby")
        if number % 2:
            await socket.join("other")
        leavers.append(socket)
    for number, socket in enumerate(leavers):
        if number % 3:
            socket.abort()
        else:
            await socket.raw(b"\x00")  # one that the server closes meanwhile


async def nobody_is_left(stack: RunningStack) -> None:
    """Wait until Redis has no group of a room any more: the feeds linger, then they are let go."""
    await stack.until_measured(0, sockets=0, subscriptions=0, people=0, feeds=0, groups=0, timeout=PATIENCE)
    redis = Redis(unix_socket_path=stack.state["redis_socket"])
    try:
        assert await redis.pubsub_channels("*__group__room.*") == []
    finally:
        await redis.aclose()
