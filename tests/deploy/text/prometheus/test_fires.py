"""A real Prometheus beside the running stack: what it reads is true, and it fires for what is really broken."""

import asyncio
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.effects.client.http_client import guest
from deploy.effects.client.websocket_client import Socket, connect
from tests.deploy.operations.runbooks.book import changed
from tests.deploy.text.prometheus.server import Prometheus, prometheus
from tests.postgres import named, running_cluster, stopped
from tests.running import RunningStack, running_stack
from tests.waiting import PATIENCE

pytestmark = pytest.mark.stack


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningStack]:
    """A stack of its own: its processes are stopped and killed."""
    with running_stack(tmp_path_factory.mktemp("watched")) as running:
        yield running


@pytest.fixture(scope="module")
def server(watched: RunningStack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    """Prometheus over it."""
    with prometheus(watched, tmp_path_factory.mktemp("prometheus")) as running:
        yield running


async def quiet(server: Prometheus) -> None:
    """Wait until nothing fires."""
    await asyncio.to_thread(server.until, quiet=True)


async def fires(server: Prometheus, *wanted: tuple[str, str]) -> None:
    """Wait until these fire."""
    await asyncio.to_thread(server.until, *wanted)


async def in_lobby(socket: Socket) -> Socket:
    """Bring a socket to where it can send."""
    await socket.welcome()
    await socket.join("lobby")
    return socket


async def test_each_instance_counts_its_own(watched: RunningStack) -> None:
    """What is stored by one is delivered by both, and is counted where it happened."""
    cookie = await guest(watched.address, "Ana")
    async with (
        connect(watched.pinned(0), cookie) as writer,
        connect(watched.pinned(1), cookie) as reader,
    ):
        await in_lobby(writer)
        await in_lobby(reader)
        before = [watched.measured(number) for number in (0, 1)]
        for number in range(5):
            sent = await writer.send_text("lobby", f"message {number}")
        await reader.entry("lobby", sent["seq"])
        await writer.entry("lobby", sent["seq"])
        await writer.raw("nope")
        await writer.expect("error", code="bad_frame")
        now = [watched.measured(number) for number in (0, 1)]

    def grown(name: str) -> list[float]:
        return [now[number].get(name, 0) - before[number].get(name, 0) for number in (0, 1)]

    assert [one["parley_sockets"] for one in now] == [1, 1]
    assert grown("parley_deliveries_total") == [5, 5]
    assert grown("parley_commit_messages_sum") == [5, 0]
    for name in ("commit", "written", "sent"):
        assert grown(f"parley_{name}_seconds_count") == [5, 0]
        seconds, other = grown(f"parley_{name}_seconds_sum")
        assert (0 < seconds < 30, other) == (True, 0)
    assert grown('parley_refused_total{code="bad_frame"}') == [1, 0]


async def test_a_database_that_is_gone(tmp_path: Path) -> None:
    """Stopped under a stack that named it by its URL; those that the runbooks break have their alerts fire there."""
    with running_cluster() as folder:
        root = changed(tmp_path / "checkout", named(folder))
        with running_stack(tmp_path / "up", root=root) as stack, prometheus(stack, tmp_path / "prometheus") as server:
            await quiet(server)
            cookie = await guest(stack.address, "Ana")
            async with connect(stack.pinned(0), cookie) as one, connect(stack.pinned(1), cookie) as other:
                await in_lobby(one)  # a room that nobody reads is not polled
                await in_lobby(other)
                with stopped(folder):
                    await fires(server, ("ParleyDatabaseNotReadable", "web-1"), ("ParleyDatabaseNotReadable", "web-2"))
                await quiet(server)


async def test_a_worker_that_dies_again_and_again(watched: RunningStack, server: Prometheus) -> None:
    """Each successor counts from 0, and holds nothing of the sockets that went with the last one."""
    await quiet(server)
    for _ in range(3):
        async with connect(watched.pinned(1), await guest(watched.address, "Cleo")) as socket:
            await in_lobby(socket)
            assert watched.measured(1)["parley_sockets"] == 1
            started = watched.measured(1)["process_start_time_seconds"]
            (worker,) = watched.instances[1].workers()
            os.kill(worker, signal.SIGKILL)
            await _scraped_anew(server, started)
        found = watched.measured(1)
        assert found["parley_sockets"] == found["parley_deliveries_total"] == 0
    await fires(server, ("ParleyInstanceRestarts", "web-2"))


async def _scraped_anew(server: Prometheus, started: float) -> None:
    """Wait until Prometheus itself has seen the successor."""
    query = 'process_start_time_seconds{instance="web-2"}'
    async with asyncio.timeout(PATIENCE):
        while True:
            found = await asyncio.to_thread(server.ask, "query", query=query)
            if found["result"] and float(found["result"][0]["value"][1]) != started:
                return
            await asyncio.sleep(0.2)
