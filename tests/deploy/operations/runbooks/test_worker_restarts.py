"""docs/runbooks/worker-restarts.md, on workers that are killed: by the kernel where it counts memory, else by us."""

import os
import signal
import subprocess
from pathlib import Path

import pytest

from tests.deploy.operations.runbooks.book import Book
from tests.deploy.stacks.compose.stack import RunningCompose, command
from tests.deploy.stacks.systemd.host import Installed
from tests.programs import needed
from tests.running import RunningStack
from tests.waiting import until


@pytest.mark.stack
@pytest.mark.runbook("worker-restarts", "local")
def test_a_worker_of_up(book: Book, broken: RunningStack) -> None:
    """That its alert fires is shown in tests/deploy/text/prometheus/test_fires.py."""
    needed("ps", "procps")  # the page has it
    before = broken.instances[0]
    (worker,) = before.workers()
    os.kill(worker, signal.SIGKILL)
    book.run(broken, INSTANCE="web-1")
    assert broken.instances[0].pid != before.pid


@pytest.mark.docker
@pytest.mark.runbook("worker-restarts", "compose")
def test_a_replica_with_too_little_memory(book: Book, compose: RunningCompose) -> None:
    """The kernel kills each worker that is started, until there is enough."""
    one = compose.containers("web")[0]
    name = one["Name"].removeprefix("/")
    pid = one["State"]["Pid"]
    os.kill(pid, signal.SIGSTOP)  # it starts no worker meanwhile: Docker refuses a limit below what is used
    for worker in Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
        os.kill(int(worker), signal.SIGKILL)
    until(lambda: _limited(name), "a limit of 64 MB")
    os.kill(pid, signal.SIGCONT)

    def killed() -> int:
        return command("docker", "logs", name).count("was sent SIGKILL")

    until(lambda: killed() >= 3, "three workers killed for memory")
    book.play("Diagnosis", compose, INSTANCE=name)
    book.play("Mitigation", compose, INSTANCE=name, MEGABYTES="512")
    book.play("Verification", compose, INSTANCE=name)
    number = killed()
    book.play("Rollback", compose, INSTANCE=name, MEGABYTES="512")
    compose.until_healthy()
    assert killed() == number
    assert compose.containers("web")[0]["HostConfig"]["Memory"] == one["HostConfig"]["Memory"]


def _limited(name: str) -> bool:
    limit = ["docker", "update", "--memory", "64m", "--memory-swap", "64m", name]
    return subprocess.run(limit, capture_output=True, check=False).returncode == 0


@pytest.mark.release
@pytest.mark.systemd
@pytest.mark.runbook("worker-restarts", "systemd")
def test_a_worker_of_a_host(book: Book, systemd: Installed) -> None:
    """The kit's host does not enforce MemoryMax=: it ends as one whose loop hangs, by gunicorn's SIGABRT."""
    host = systemd.host
    (worker,) = host.workers("web-1")
    os.kill(worker, signal.SIGABRT)
    until(lambda: host.workers("web-1") not in ([], [worker]), "another worker")
    for section in ("Diagnosis", "Mitigation", "Verification", "Rollback"):
        book.play(section, systemd, INSTANCE="web-1", MEGABYTES="512")
    host.until_ready()
