"""docs/runbooks/edge-lost.md, on an nginx whose listener for the instances somebody removed."""

import os
import signal

import pytest

from deploy.stacks.local.layout import Layout
from tests.deploy.operations.runbooks.book import Book
from tests.deploy.text.prometheus.server import Prometheus
from tests.running import RunningStack


@pytest.mark.stack
@pytest.mark.runbook("edge-lost", "local")
def test_a_listener_that_somebody_removed(book: Book, broken: RunningStack, server: Prometheus) -> None:
    """Nobody notices until a reload; after it no instance finds nginx, though it serves, until the page is run."""
    status, output = book.tried("Diagnosis", broken, INSTANCE="web-1")
    assert status == 1, "a healthy stack is not this page's"
    assert "not what the page expects" in output
    server.until(quiet=True)
    Layout.at(broken.directory).edge.unlink()
    os.kill(broken.state["nginx_pid"], signal.SIGHUP)
    server.until(("ParleyEdgeLost", "web-1"), ("ParleyEdgeLost", "web-2"))
    book.run(broken, INSTANCE="web-1")
    server.until(quiet=True)
