"""docs/runbooks/site-down.md, on an nginx that takes connections and says nothing."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.prometheus.server import Prometheus, prometheus
from tests.runbooks.book import Book
from tests.running import RunningStack
from tests.watch.running import watching


@pytest.fixture(scope="module")
def server(broken: RunningStack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    """Prometheus over the stack and its probe."""
    with watching(broken, 1), prometheus(broken, tmp_path_factory.mktemp("prometheus")) as running:
        yield running


@pytest.mark.stack
@pytest.mark.runbook("site-down", "local")
def test_an_nginx_that_hangs(book: Book, broken: RunningStack, server: Prometheus) -> None:
    """Each of its processes is stopped as by a debugger: nobody's message comes back, until the page ends it."""
    status, output = book.tried("Diagnosis", broken)
    assert status == 1, "a healthy stack is not this page's"
    assert "not as the page says" in output
    master = broken.state["nginx_pid"]
    workers = Path(f"/proc/{master}/task/{master}/children").read_text().split()
    for pid in (master, *map(int, workers)):
        os.kill(pid, signal.SIGSTOP)
    server.until(("ParleyProbeFails", "probe"))
    book.run(broken)
    server.until(quiet=True)
