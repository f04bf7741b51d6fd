"""docs/runbooks/redis-down.md, on a Redis that really does not answer."""

import os
import signal

import pytest

from tests.deploy.operations.runbooks.book import Book
from tests.deploy.stacks.compose.stack import RunningCompose
from tests.deploy.stacks.systemd.host import Installed
from tests.deploy.text.prometheus.server import Prometheus
from tests.running import RunningStack


@pytest.mark.stack
@pytest.mark.runbook("redis-down", "local")
def test_a_redis_that_hangs(book: Book, broken: RunningStack, server: Prometheus) -> None:
    """It is stopped as by a debugger: the alert fires, the page names it, ends it, and all is well."""
    status, output = book.tried("Diagnosis", broken)
    assert status == 1, "a healthy stack is not this page's"
    assert "not what the page expects" in output
    os.kill(broken.state["redis_pid"], signal.SIGSTOP)
    server.until(("ParleyLayerDown", "web-1"), ("ParleyLayerDown", "web-2"))
    book.run(broken)
    server.until(quiet=True)


@pytest.mark.release
@pytest.mark.docker
@pytest.mark.runbook("redis-down", "compose")
def test_a_redis_in_a_container_that_hangs(book: Book, compose: RunningCompose) -> None:
    """No instance is started again for it."""
    web = [one["State"]["Pid"] for one in compose.containers("web")]
    (redis,) = compose.containers("redis")
    os.kill(redis["State"]["Pid"], signal.SIGSTOP)
    book.run(compose)
    compose.until_healthy()
    assert [one["State"]["Pid"] for one in compose.containers("web")] == web


@pytest.mark.systemd
@pytest.mark.runbook("redis-down", "systemd")
def test_a_redis_of_a_host_that_hangs(book: Book, systemd: Installed) -> None:
    """No instance is started again for it."""
    host = systemd.host
    web = [host.pid(name) for name in host.instances()]
    redis = host.pid("redis")
    assert redis
    os.kill(redis, signal.SIGSTOP)
    book.run(systemd)
    assert host.pid("redis") not in (redis, None)
    assert [host.pid(name) for name in host.instances()] == web
