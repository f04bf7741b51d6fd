"""docs/runbooks/redis-down.md, on a Redis that really does not answer."""

import os
import signal

import pytest

from tests.prometheus.server import Prometheus
from tests.runbooks.book import Book
from tests.running import RunningStack


@pytest.mark.stack
@pytest.mark.runbook("redis-down", "local")
def test_a_redis_that_hangs(book: Book, broken: RunningStack, server: Prometheus) -> None:
    """It is stopped as by a debugger: the alert fires, the page names it, ends it, and all is well."""
    status, output = book.tried("Diagnosis", broken)
    assert status == 1, "a healthy stack is not this page's"
    assert "not as the page says" in output
    os.kill(broken.state["redis_pid"], signal.SIGSTOP)
    server.until(("ParleyLayerDown", "web-1"), ("ParleyLayerDown", "web-2"))
    book.run(broken)
    server.until(quiet=True)
