"""docs/runbooks/instance-down.md, on an instance whose every process is stopped."""

import os
import signal
from collections.abc import Iterable
from pathlib import Path

import pytest

from tests.deploy.operations.runbooks.book import Book
from tests.deploy.stacks.compose.stack import RunningCompose
from tests.deploy.stacks.systemd.host import Installed
from tests.deploy.text.prometheus.server import Prometheus
from tests.running import RunningStack


def stop(pids: Iterable[int]) -> None:
    """Stop processes as a debugger does: the first one before its workers, which it would replace."""
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)


@pytest.mark.stack
@pytest.mark.runbook("instance-down", "local")
def test_an_instance_of_up(book: Book, broken: RunningStack, server: Prometheus) -> None:
    """The alert fires, and stops once the page was played."""
    one = broken.instances[0]
    stop([one.pid, *one.workers()])
    server.until(("ParleyInstanceDown", "web-1"))
    book.run(broken, INSTANCE="web-1")
    server.until(quiet=True)


@pytest.mark.docker
@pytest.mark.runbook("instance-down", "compose")
def test_a_replica(book: Book, compose: RunningCompose) -> None:
    """A container that hangs is unhealthy, which Docker only says."""
    one = compose.containers("web")[0]
    pid = one["State"]["Pid"]
    workers = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    stop([pid, *map(int, workers)])
    said = book.run(compose, INSTANCE=one["Name"].removeprefix("/"))
    assert f"{one['Name'].removeprefix('/')} does not answer" in said
    compose.until_healthy()


@pytest.mark.release
@pytest.mark.systemd
@pytest.mark.runbook("instance-down", "systemd")
def test_an_instance_of_a_host(book: Book, systemd: Installed) -> None:
    """systemd sees a process, and is content."""
    host = systemd.host
    pid = host.pid("web-2")
    assert pid
    stop([pid, *host.workers("web-2")])
    book.run(systemd, INSTANCE="web-2")
    host.until_ready(not_pids={"web-2": pid})
