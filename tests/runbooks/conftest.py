"""The page that a test plays, and a stack with a Prometheus to break."""

from collections.abc import Iterator

import pytest

from deploy.runbooks import page as pages
from tests.prometheus.server import Prometheus, prometheus
from tests.runbooks.book import Book
from tests.running import RunningStack, running_stack


@pytest.fixture
def book(request: pytest.FixtureRequest) -> Iterator[Book]:
    """The page and the stack of the test's `runbook` mark; each block for that stack has to be played in the test."""
    mark = request.node.get_closest_marker("runbook")
    assert mark, "which page, and on which stack?"
    found = Book(pages.read(mark.args[0]), mark.args[1])
    yield found
    assert not found.unplayed(), f"not played: {found.unplayed()}"


@pytest.fixture(scope="module")
def broken(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningStack]:
    """A stack of its own for a module's tests, to be broken and mended by the page."""
    with running_stack(tmp_path_factory.mktemp("broken")) as running:
        yield running


@pytest.fixture(scope="module")
def server(broken: RunningStack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    """A real Prometheus over it, with the rendered alerts."""
    with prometheus(broken, tmp_path_factory.mktemp("prometheus")) as running:
        yield running
