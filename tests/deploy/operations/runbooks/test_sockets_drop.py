"""docs/runbooks/sockets-drop.md, on an nginx that somebody told to cut what says nothing for two seconds."""

import contextlib
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.model.release import release
from tests.deploy.operations.runbooks.book import Book
from tests.deploy.stacks.compose.stack import RunningCompose
from tests.deploy.stacks.systemd.host import Installed
from tests.waiting import PATIENCE

CUT, LOOKED = 2, "5"
POLL = 0.05
EDIT = f"s/proxy_read_timeout 60s;/proxy_read_timeout {CUT}s;/"


@contextlib.contextmanager
def read_again(nginx: int) -> Iterator[None]:
    """Wait at the end until there is a worker which was not there before; a reload begins with that."""
    children = Path(f"/proc/{nginx}/task/{nginx}/children")
    before = set(children.read_text().split())
    yield
    deadline = time.monotonic() + PATIENCE
    while set(children.read_text().split()) <= before:
        assert time.monotonic() < deadline, "nginx has no new worker"
        time.sleep(POLL)


@pytest.mark.docker
@pytest.mark.runbook("sockets-drop", "compose")
def test_a_project(book: Book, compose: RunningCompose) -> None:
    """The rule's check says what is wrong with the file, and the socket what comes of it."""
    status, _ = book.tried("Diagnosis", compose, IDLE="3")
    assert status == 1, "a healthy stack is not this page's"
    edit = ("sed", "-i", EDIT, "/srv/parley/nginx/current/locations.conf")
    compose.compose("run", "--rm", "--no-deps", "-T", "setup", *edit)
    try:
        with read_again(compose.containers("edge")[0]["State"]["Pid"]):
            compose.compose("exec", "-T", "edge", "sh", "-c", "kill -HUP 1")
        assert "BROKEN  three-pings" in book.play("Diagnosis", compose, IDLE=LOOKED)
    finally:
        book.play("Mitigation", compose, IDLE=LOOKED)
    book.play("Verification", compose, IDLE=LOOKED)


@pytest.mark.release
@pytest.mark.systemd
@pytest.mark.runbook("sockets-drop", "systemd")
def test_a_host(book: Book, systemd: Installed) -> None:
    """`install` sees that the file is not what it renders."""
    systemd.host.run("sed", "-i", EDIT, f"/etc/parley/releases/{release()}/nginx/locations.conf")
    nginx = systemd.host.pid("nginx")
    assert nginx
    try:
        with read_again(nginx):
            systemd.host.run("systemctl", "reload", "parley-nginx")
        assert "BROKEN  three-pings" in book.play("Diagnosis", systemd, IDLE=LOOKED)
    finally:
        book.play("Mitigation", systemd, IDLE=LOOKED)
    book.play("Verification", systemd, IDLE=LOOKED)
