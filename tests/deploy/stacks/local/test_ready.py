"""Which of three instances are ready with a full disk, and without a database (docs/decisions/readiness.md)."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import pytest

from deploy.effects.client.http_client import HttpClient
from deploy.effects.client.websocket_client import Socket, connect
from tests.disk import fill, small_disk
from tests.postgres import named, running_cluster, stopped
from tests.running import RunningStack, changed_checkout, running_stack
from tests.waiting import PATIENCE

pytestmark = [pytest.mark.stack, pytest.mark.timeout(240)]

INSTANCES = 3
ROOM = "lobby"
READY, UNREADY = 200, 503


async def asked(stack: RunningStack, path: str) -> list[int]:
    """Ask each instance past nginx."""
    replies = [await HttpClient(stack.pinned(number)).get(path) for number in range(INSTANCES)]
    return [reply.status for reply in replies]


async def until(stack: RunningStack, status: int) -> None:
    """Wait until each instance answers so: one answer serves for a second."""
    async with asyncio.timeout(PATIENCE):
        while await asked(stack, "/readyz") != [status] * INSTANCES:  # noqa: ASYNC110 (other processes)
            await asyncio.sleep(0.2)


@asynccontextmanager
async def people(stack: RunningStack) -> AsyncIterator[list[Socket]]:
    """Have somebody in the room on each instance."""
    async with AsyncExitStack() as stay:
        found = []
        for number in range(INSTANCES):
            cookie = await HttpClient(stack.address).guest(f"Ana {number}")
            socket = await stay.enter_async_context(connect(stack.pinned(number), cookie))
            await socket.welcome()
            await socket.join(ROOM)
            found.append(socket)
        yield found


async def test_a_full_disk_takes_nobody_out(tmp_path: Path) -> None:
    """All of them serve pages, history and open sockets; what cannot be stored is stored afterwards, once."""
    with small_disk(tmp_path / "disk", 100) as folder, running_stack(folder, "--instances", str(INSTANCES)) as stack:
        async with people(stack) as sockets:
            await sockets[0].send_text(ROOM, "before")
            await asyncio.to_thread(fill, folder / "full")
            for socket in sockets:
                for number in range(20):  # some go into what the database has already; then it takes no more
                    await socket.write("send", room=ROOM, key=f"{id(socket)}-{number}", text="x" * 4000)
                await socket.expect("error", code="unavailable")
            assert await asked(stack, "/readyz") == [READY] * INSTANCES
            assert await asked(stack, "/healthz") == [READY] * INSTANCES
            for socket in sockets:
                assert (await socket.history(ROOM, before=2))["entries"][0]["text"] == "before"
            (folder / "full").unlink()
            key = f"{id(sockets[2])}-19"
            async with asyncio.timeout(PATIENCE):
                await sockets[2].write("send", room=ROOM, key=key, text="x" * 4000)
                await sockets[2].expect("sent", key=key)


async def test_without_a_database_nobody_is_ready_and_nobody_is_cut(tmp_path: Path) -> None:
    """They are alive, so nothing restarts them; their sockets go on when it is back."""
    with running_cluster() as cluster:
        root = changed_checkout(tmp_path / "checkout", named(cluster))
        with running_stack(tmp_path / "stack", "--instances", str(INSTANCES), root=root) as stack:
            async with people(stack) as sockets:
                with stopped(cluster):
                    await until(stack, UNREADY)
                    assert await asked(stack, "/healthz") == [READY] * INSTANCES
                    await sockets[1].write("send", room=ROOM, key="meanwhile", text="meanwhile")
                    await sockets[1].expect("error", code="unavailable")
                await until(stack, READY)
                await sockets[1].write("send", room=ROOM, key="meanwhile", text="meanwhile")
                await sockets[1].expect("sent", key="meanwhile")
                for socket in sockets:
                    assert (await socket.expect("entries"))["entries"][-1]["text"] == "meanwhile"
