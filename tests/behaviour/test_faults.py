"""Whatever dies, nothing is lost: each fault in a running stack, judged by the checker."""

import asyncio
from collections.abc import Iterator
from contextlib import AsyncExitStack

import pytest

from deploy.operations.drill.faults import FAULTS
from deploy.operations.drill.faults.instance import restart
from deploy.operations.drill.run import Workload, run
from deploy.operations.drill.stack import LocalStack
from tests.behaviour.conftest import INSTALLED, opened
from tests.behaviour.people import everywhere
from tests.behaviour.site import Site
from tests.running import RunningStack, running_stack
from tests.sets import marked

pytestmark = pytest.mark.timeout(400)

HERE = [name for name in FAULTS if name != "none"]  # that one runs over a lossy layer
ANYWHERE = ("worker-kill", "instance-restart", "redis-kill")  # the others need a file or a socket of this machine


@pytest.fixture(scope="module")
def drilled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningStack]:
    """One stack of `./parley up` for all faults: each heals before the next, or the next one fails."""
    with running_stack(tmp_path_factory.mktemp("drill")) as running:
        yield running


@pytest.mark.drill
@pytest.mark.parametrize("name", marked(pytest.mark.short, HERE, "worker-kill"))
def test_nothing_is_lost(drilled: RunningStack, name: str) -> None:
    """20 clients at 2 messages a second for 20 s, the fault in the middle: zero of every violation."""
    verdict = run(lambda: LocalStack(drilled.directory), name, Workload())
    print(f"{name}: recovered in {verdict.recover_seconds} s")  # noqa: T201 (the figure is part of the proof)
    assert verdict.passed, str(verdict)
    assert name != "nginx-reload" or 1006 not in verdict.closed, verdict.closed


@pytest.mark.drill
@pytest.mark.release
@pytest.mark.parametrize("name", ANYWHERE)
@pytest.mark.parametrize("where", INSTALLED)
def test_nothing_is_lost_by_an_installed_stack(request: pytest.FixtureRequest, where: str, name: str) -> None:
    """The same where Docker or systemd brings back what dies."""
    verdict = run(lambda: opened(request, where).stack, name, Workload())
    assert verdict.passed, str(verdict)


async def test_a_restart_closes_with_1012_who_does_not_leave(site: Site) -> None:
    """Its people are asked first; nobody of another instance is, and it is back afterwards."""
    async with AsyncExitStack() as stay:
        sockets = (await everywhere(stay, site)).values()
        waits = {asyncio.create_task(socket.closed(60)): socket for socket in sockets}
        await restart(site.stack, (await site.stack.names())[0])
        (closed,) = (wait for wait in waits if wait.done())
        assert closed.result() == 1012
        assert (await waits[closed].expect("drain", 1))["within_ms"] > 0
        for wait in waits.keys() - {closed}:
            wait.cancel()
        await asyncio.wait(waits)
        for wait in waits.keys() - {closed}:
            await waits[wait].send_text("lobby", "still here")
    async with AsyncExitStack() as stay:
        assert await everywhere(stay, site)
