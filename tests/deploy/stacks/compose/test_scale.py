"""More replicas and fewer, while nginx runs on."""

import asyncio
from contextlib import AsyncExitStack

import pytest

from deploy.effects.client.http_client import guest
from deploy.effects.client.websocket_client import Hangup, Socket, connect
from tests.deploy.stacks.compose.stack import RunningCompose
from tests.waiting import PATIENCE

pytestmark = [pytest.mark.docker, pytest.mark.timeout(300)]


async def arrive(compose: RunningCompose, stay: AsyncExitStack, instance: str) -> Socket:
    """Come in again and again until this instance is the one that greets, as the least busy one."""
    cookie = await guest(compose.address, "newcomer")
    async with asyncio.timeout(PATIENCE):
        while True:
            socket = await stay.enter_async_context(connect(compose.address, cookie))
            if (await socket.welcome())["instance"] == instance:
                return socket


async def test_a_new_replica_gets_people_without_a_reload(compose: RunningCompose) -> None:
    """Docker's DNS tells nginx; and one that goes sends its people to the others."""
    before = compose.instances()
    edge = compose.containers("edge")[0]["State"]["StartedAt"]
    four = "docker compose -f docker-compose.prod.yml up -d --wait --no-recreate --scale web=4"
    await asyncio.to_thread(compose.road, four)
    (new,) = compose.instances() - before
    async with AsyncExitStack() as stay:
        moved = await arrive(compose, stay, new)
        cookie = await guest(compose.address, "stays")
        socket = await stay.enter_async_context(connect(compose.address, cookie))
        await socket.welcome()
        await asyncio.to_thread(compose.compose, "up", "--detach", "--wait", "--no-recreate", "--scale", "web=3")
        assert compose.instances() == before
        assert (await moved.expect("drain"))["within_ms"] > 0
        assert await moved.closed() == 1012
    for _ in range(6):  # whoever comes now finds one that is there
        async with connect(compose.address, cookie) as socket:
            try:
                assert (await socket.welcome())["instance"] in compose.instances()
            except Hangup as hangup:
                pytest.fail(f"closed at once: {hangup}")
    assert compose.containers("edge")[0]["State"]["StartedAt"] == edge
