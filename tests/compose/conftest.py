"""One Compose stack for all tests that leave it as they found it; the image is built once."""

import shutil
import subprocess
from collections.abc import Iterator

import pytest

from tests.compose.stack import RunningCompose, running_compose


@pytest.fixture(scope="session")
def engine() -> None:
    """A Docker engine with Compose."""
    info = ["docker", "info"]
    if shutil.which("docker") is None or subprocess.run(info, capture_output=True, check=False).returncode:
        pytest.skip("no Docker engine answers")


@pytest.fixture(scope="session")
def compose(engine: None) -> Iterator[RunningCompose]:
    """Three replicas."""
    with running_compose(3) as running:
        yield running
