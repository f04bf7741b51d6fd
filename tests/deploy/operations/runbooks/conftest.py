"""A stack with a Prometheus to break."""

from collections.abc import Iterator

import pytest

from tests.deploy.text.prometheus.server import Prometheus, prometheus
from tests.running import RunningStack, running_stack


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
