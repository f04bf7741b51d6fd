"""docs/runbooks/replicas.md: instances that are nearly full, one more of them, and one less."""

import asyncio
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from deploy.effects.client.http_client import guest
from deploy.effects.client.websocket_client import connect
from tests.deploy.operations.runbooks.book import Book, changed
from tests.deploy.stacks.compose.stack import RunningCompose
from tests.deploy.stacks.systemd.host import Installed
from tests.deploy.stacks.systemd.test_probe import with_metrics
from tests.deploy.text.prometheus.server import prometheus
from tests.running import running_stack

SOCKETS = 20


@pytest.mark.stack
@pytest.mark.runbook("replicas", "local")
async def test_an_instance_that_is_nearly_full(book: Book, tmp_path: Path) -> None:
    """The alert fires while they are there, and no longer."""
    root = changed(tmp_path / "checkout", ("parley.toml", "sockets = 4096 ", f"sockets = {SOCKETS} "))
    with running_stack(tmp_path / "stack", root=root) as few, prometheus(few, tmp_path / "prometheus") as server:
        cookie = await guest(few.address, "Ana")
        async with AsyncExitStack() as stay:
            for _ in range(SOCKETS - 1):
                socket = await stay.enter_async_context(connect(few.pinned(1), cookie))
                await socket.welcome()
            await asyncio.to_thread(server.until, ("ParleySocketsNearlyFull", "web-2"))
            said = await asyncio.to_thread(book.play, "Diagnosis", few, INSTANCE="web-2", NUMBER="3")
            assert f"parley_sockets {SOCKETS - 1}.0" in said
        await asyncio.to_thread(server.until, quiet=True)
        await asyncio.to_thread(book.play, "Verification", few, INSTANCE="web-2", NUMBER="3")


@pytest.mark.docker
@pytest.mark.runbook("replicas", "compose")
def test_a_replica_more_and_less(book: Book, compose: RunningCompose) -> None:
    """Those that were there stay."""
    before = compose.instances()
    one = compose.containers("web")[0]["Name"].removeprefix("/")
    book.run(compose, INSTANCE=one, NUMBER=str(len(before) + 1))
    assert compose.instances() > before
    book.play("Mitigation", compose, INSTANCE=one, NUMBER=str(len(before)))
    assert compose.instances() == before


@pytest.mark.release
@pytest.mark.timeout(900)  # a rollout for each number
@pytest.mark.systemd
@pytest.mark.runbook("replicas", "systemd")
def test_an_instance_less_and_more(book: Book, systemd: Installed) -> None:
    """The host's own file is changed, and put back; the kit's host has too few open files for a third one."""
    host = systemd.host
    first, second = host.pid("web-1"), host.pid("web-2")
    with with_metrics(systemd):
        host.parley("drain", "web-1", "--stack", "systemd")  # and its successor serves metrics
        host.until_ready()
        book.run(systemd, INSTANCE="web-1", NUMBER="1")
        assert host.instances() == ["web-1"]
        book.play("Mitigation", systemd, INSTANCE="web-1", NUMBER="2")
        host.until_ready()
        assert host.instances() == ["web-1", "web-2"]
    for name in host.instances():
        host.parley("drain", name, "--stack", "systemd")
    host.until_ready(not_pids={"web-1": first or 0, "web-2": second or 0})
