"""What dies comes back by itself, and nobody loses a message: the drills, and a host that was switched off."""

import asyncio
import os
import signal

import pytest

from deploy.effects.client.address import Address
from deploy.effects.client.http_client import guest
from deploy.effects.client.websocket_client import connect
from deploy.operations.drill.faults import FAULTS, Fault, Scene
from deploy.operations.drill.run import Workload, drill
from deploy.operations.drill.stack import InstalledStack
from tests.deploy.stacks.compose.stack import RunningCompose
from tests.sets import marked
from tests.waiting import PATIENCE

pytestmark = [pytest.mark.docker, pytest.mark.timeout(400)]


def killed(compose: RunningCompose, service: str) -> Fault:
    """Kill a service's first process, and wait until Docker has brought it back and all is healthy."""

    def strike() -> None:
        before = compose.restarts()
        name = compose.containers(service)[0]["Name"]
        compose.kill(service)
        compose.until_healthy(restarted={name: before[name] + 1})

    async def struck(_: Scene) -> None:
        await asyncio.to_thread(strike)

    return Fault(f"{service}-killed", "", struck)


# What Docker starts again is below, all of it at once; that nobody loses anything by it is the local drills'. The
# database alone has no other proof.
@pytest.mark.parametrize("service", marked(pytest.mark.release, ["postgres", "web", "edge"], "web", "edge"))
async def test_a_killed_container_comes_back_under_people_who_chat(compose: RunningCompose, service: str) -> None:
    """By the checker's word; while the database is away sends are refused, and sent again with the same key."""
    verdict = await drill(InstalledStack(compose.stack), killed(compose, service), Workload(seconds=25))
    assert verdict.passed, str(verdict)


@pytest.mark.release
async def test_redis_is_away_for_ten_seconds(compose: RunningCompose) -> None:
    """The drill of the same name: killed again as often as Docker starts it."""
    verdict = await drill(InstalledStack(compose.stack), FAULTS["redis-kill"], Workload(seconds=25))
    assert verdict.passed, str(verdict)
    await asyncio.to_thread(compose.until_healthy)


async def remembers(address: Address, cookie: str, text: str) -> str:
    """Tell that a session of before is still good and the log has its last line; give the room's epoch."""
    async with connect(address, cookie) as socket:
        await socket.welcome()
        joined = await socket.join("lobby")
        assert joined["entries"][-1]["text"] == text
        return str(joined["epoch"])


async def said(address: Address, text: str) -> tuple[str, str]:
    """Say something as a new guest; give the cookie and the room's epoch."""
    cookie = await guest(address, "before")
    async with connect(address, cookie) as socket:
        await socket.welcome()
        joined = await socket.join("lobby")
        await socket.send_text("lobby", text)
        return cookie, str(joined["epoch"])


async def test_stopped_and_started(compose: RunningCompose) -> None:
    """Log, sessions and secrets are those of before, in whatever order the containers start."""
    cookie, epoch = await said(compose.address, "before the stop")
    await asyncio.to_thread(compose.road, "docker compose -f docker-compose.prod.yml stop")
    async with asyncio.timeout(PATIENCE):  # Docker answers a moment before it says so itself
        while compose.containers():  # noqa: ASYNC110 (nothing to await)
            await asyncio.sleep(0.1)
    await asyncio.to_thread(compose.road, "docker compose -f docker-compose.prod.yml start")
    await asyncio.to_thread(compose.until_healthy)
    assert await remembers(compose.address, cookie, "before the stop") == epoch


async def test_a_host_that_lost_its_power(compose: RunningCompose) -> None:
    """Every process dies at once, the one-shots do not run again, and restart policies bring all of it back."""
    cookie, epoch = await said(compose.address, "before the night")
    before = compose.restarts()
    running = compose.containers()
    for one in running:
        os.kill(one["State"]["Pid"], signal.SIGKILL)
    restarted = {one["Name"]: before[one["Name"]] + 1 for one in running}
    await asyncio.to_thread(compose.until_healthy, restarted=restarted)
    assert await remembers(compose.address, cookie, "before the night") == epoch
