"""The installed stacks, one of each for all tests that leave it as they found it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.deploy.stacks.compose.stack import RunningCompose, running_compose
from tests.deploy.stacks.systemd.host import Installed, installed


@pytest.fixture(scope="session")
def compose(engine: None) -> Iterator[RunningCompose]:
    """Docker Compose, with three replicas."""
    with running_compose(3) as running:
        yield running


@pytest.fixture(scope="session")
def systemd(systemd_host: Path) -> Iterator[Installed]:
    """Parley on Debian 13, under systemd."""
    with installed() as running:
        yield running
