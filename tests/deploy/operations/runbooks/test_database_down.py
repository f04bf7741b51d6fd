"""docs/runbooks/database-down.md: a lock that somebody holds, and a PostgreSQL that is gone."""

import asyncio
import sqlite3
import subprocess
import sys
from contextlib import closing

import pytest

from deploy.effects.client.http_client import guest
from deploy.effects.client.websocket_client import connect, new_key
from deploy.operations.drill.stack import LocalStack
from tests.deploy.operations.runbooks.book import Book
from tests.deploy.stacks.compose.stack import RunningCompose
from tests.deploy.stacks.systemd.host import Installed
from tests.deploy.text.prometheus.server import Prometheus
from tests.running import RunningStack

HOLD = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1])
connection.execute("BEGIN IMMEDIATE")
print(flush=True)
sys.stdin.read()
"""


@pytest.mark.stack
@pytest.mark.runbook("database-down", "local")
async def test_a_lock_that_somebody_holds(book: Book, broken: RunningStack, server: Prometheus) -> None:
    """A message of that time is stored once it is gone, and once."""
    database = LocalStack(broken.directory).database
    assert database is not None
    async with connect(broken.pinned(1), await guest(broken.address, "Bea")) as socket:
        await socket.welcome()
        await socket.join("lobby")
        with subprocess.Popen(  # noqa: ASYNC220 (a moment)
            [sys.executable, "-c", HOLD, str(database)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        ) as holder:
            assert holder.stdout is not None
            holder.stdout.readline()
            key = new_key()
            await socket.write("send", room="lobby", key=key, text="kept")
            await asyncio.to_thread(server.until, ("ParleyDatabaseNotWritable", "web-2"))
            await socket.expect("error", code="unavailable")
            said = await asyncio.to_thread(book.play, "Diagnosis", broken)
            (line,) = (line for line in said.splitlines() if line.endswith("-shm"))
            assert int(line.split()[0]) == holder.pid
            await asyncio.to_thread(book.play, "Mitigation", broken, HOLDER=line.split()[0])
            assert holder.wait() < 0
        await asyncio.to_thread(book.play, "Verification", broken)
        await socket.write("send", room="lobby", key=key, text="kept")
        await socket.expect("sent", key=key)
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as reader:
        assert reader.execute("SELECT count(*) FROM chat_entry WHERE key = ?", [key]).fetchone() == (1,)
    await asyncio.to_thread(server.until, quiet=True)


@pytest.mark.docker
@pytest.mark.runbook("database-down", "compose")
def test_a_postgres_that_is_gone(book: Book, compose: RunningCompose) -> None:
    """It is started, and the replicas find it."""
    before = compose.containers("web")
    compose.compose("stop", "postgres")
    book.run(compose)
    compose.until_healthy()
    assert [one["Id"] for one in compose.containers("web")] == [one["Id"] for one in before]


@pytest.mark.release
@pytest.mark.systemd
@pytest.mark.runbook("database-down", "systemd")
def test_a_postgres_that_is_stopped(book: Book, systemd: Installed) -> None:
    """It is started, and the instances find it."""
    host = systemd.host
    before = [host.pid(name) for name in host.instances()]
    host.run("systemctl", "stop", "postgresql")
    book.run(systemd)
    host.until_ready()
    assert [host.pid(name) for name in host.instances()] == before
