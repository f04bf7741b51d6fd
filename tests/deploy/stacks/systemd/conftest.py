"""Hosts for tests that do not leave them as they found them."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.deploy.stacks.systemd.host import Host, booted


@pytest.fixture
def bare(systemd_host: Path) -> Iterator[Host]:
    """Debian 13 with the packages, and nothing of ours."""
    with booted() as host:
        yield host
