"""One installed host for all tests that leave it as they found it, and bare ones for the others."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.systemd.host import Host, Installed, booted, installed


@pytest.fixture(scope="session")
def systemd(systemd_host: Path) -> Iterator[Installed]:
    """Parley on Debian 13."""
    with installed() as running:
        yield running


@pytest.fixture
def bare(systemd_host: Path) -> Iterator[Host]:
    """Debian 13 with the packages, and nothing of ours."""
    with booted() as host:
        yield host
