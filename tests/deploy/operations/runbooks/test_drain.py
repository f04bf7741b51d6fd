"""docs/runbooks/drain.md, under somebody's socket."""

import asyncio

import pytest

from deploy.effects.client.address import Address
from deploy.effects.client.http_client import guest
from deploy.effects.client.websocket_client import connect
from tests.deploy.operations.runbooks.book import Book, Running
from tests.deploy.stacks.compose.stack import RunningCompose
from tests.deploy.stacks.systemd.host import Installed
from tests.running import RunningStack
from tests.waiting import PATIENCE


async def drained(book: Book, on: Running, site: Address, names: dict[str, str] | None = None) -> None:
    """Whoever is on it is told when to come back, and closed with 1012 if they stay."""
    async with connect(site, await guest(site, "Ana")) as socket:
        instance = (await socket.welcome())["instance"]
        play = asyncio.create_task(asyncio.to_thread(book.run, on, INSTANCE=names[instance] if names else instance))
        assert (await socket.expect("drain", timeout=PATIENCE))["within_ms"] > 0
        assert await socket.closed(timeout=PATIENCE) == 1012
        await play


@pytest.mark.short
@pytest.mark.stack
@pytest.mark.runbook("drain", "local")
async def test_an_instance_of_up(book: Book, broken: RunningStack) -> None:
    """By `up` it is started again."""
    await drained(book, broken, broken.address)


@pytest.mark.release
@pytest.mark.docker
@pytest.mark.runbook("drain", "compose")
async def test_a_replica(book: Book, compose: RunningCompose) -> None:
    """Docker starts it again: it ended by itself."""
    names = {one["Config"]["Hostname"]: one["Name"].removeprefix("/") for one in compose.containers("web")}
    await drained(book, compose, compose.address, names)
    await asyncio.to_thread(compose.until_healthy)


@pytest.mark.release
@pytest.mark.systemd
@pytest.mark.runbook("drain", "systemd")
async def test_an_instance_of_a_host(book: Book, systemd: Installed) -> None:
    """By systemd it is started again."""
    await drained(book, systemd, systemd.address)
    await asyncio.to_thread(systemd.host.until_ready)
