"""docs/runbooks/site-down.md, on an nginx that takes connections and says nothing; and the probe's other alert."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.stacks.local.layout import Layout
from tests.deploy.operations.doctor import certificates
from tests.deploy.operations.runbooks.book import Book
from tests.deploy.operations.watch.running import watching
from tests.deploy.text.prometheus.server import Prometheus, prometheus
from tests.running import RunningStack

PROBE = "probe"


@pytest.fixture(scope="module")
def server(broken: RunningStack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    """Prometheus over the stack and its probe."""
    with watching(broken, 1), prometheus(broken, tmp_path_factory.mktemp("prometheus")) as running:
        yield running


def serve(stack: RunningStack, pair: certificates.Pair) -> None:
    """Put a certificate in the place of the stack's, and have nginx read it."""
    layout = Layout.at(stack.directory)
    for place, content in zip((layout.certificate, layout.certificate_key), pair, strict=True):
        place.write_bytes(content)
    os.kill(stack.state["nginx_pid"], signal.SIGHUP)


@pytest.mark.stack
def test_a_certificate_that_nobody_renews(broken: RunningStack, server: Prometheus, tmp_path: Path) -> None:
    """A week before its end somebody is told; once it has ended nobody gets in, and somebody is woken."""
    folders = {name: tmp_path / name for name in ("short", "ended", "fresh")}
    for folder in folders.values():
        folder.mkdir()
    server.until(quiet=True)
    try:
        serve(broken, certificates.short(folders["short"]))
        server.until(("ParleyCertificateExpires", PROBE))
        assert ("ParleyProbeFails", PROBE) not in server.firing()
        serve(broken, certificates.ended(folders["ended"]))
        server.until(("ParleyCertificateExpires", PROBE), ("ParleyProbeFails", PROBE))
    finally:
        serve(broken, certificates.fresh(folders["fresh"]))
    server.until(quiet=True)


@pytest.mark.stack
@pytest.mark.runbook("site-down", "local")
def test_an_nginx_that_hangs(book: Book, broken: RunningStack, server: Prometheus) -> None:
    """Each of its processes is stopped as by a debugger: nobody's message comes back, until the page ends it."""
    server.until(quiet=True)
    master = broken.state["nginx_pid"]
    workers = Path(f"/proc/{master}/task/{master}/children").read_text().split()
    for pid in (master, *map(int, workers)):
        os.kill(pid, signal.SIGSTOP)
    server.until(("ParleyProbeFails", PROBE))
    book.run(broken)
    server.until(quiet=True)
