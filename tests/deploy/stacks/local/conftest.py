"""The environment of the tutorial's project, made once for all tests of it."""

from pathlib import Path

import pytest

from deploy.model.config import load
from deploy.stacks import packages
from tests.foreign import copied


@pytest.fixture(scope="session")
def tutorial_packages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Install its requirements, and Parley's packages on top."""
    folder = tmp_path_factory.mktemp("packages")
    packages.ensure(load(project=copied("tutorial", folder / "tutorial")), folder / "python", print)
    return folder / "python"
