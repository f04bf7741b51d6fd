"""What a machine must have for the tests with real engines: Docker with Compose, and a host that boots systemd.

Nothing is started here. `.ci/run` starts the engine and builds the host's tree; a machine without them leaves these
tests out and says why, which CI counts as a failure.
"""

import os
import subprocess
from pathlib import Path

import pytest

from tests.deploy.stacks.compose import owned
from tests.programs import compose_plugin, needs_root

KIT = Path(__file__).resolve().parent.parent.parent / "shared" / "kit"  # beside the checkout
TREES = Path(os.environ.get("SYSTEMD_HOST_DIR", "/var/tmp/systemd-host"))
SUITE = "trixie"


@pytest.fixture(scope="session")
def engine() -> None:
    """A Docker engine that answers, with Compose."""
    compose_plugin()
    done = subprocess.run(["docker", "info"], capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"no Docker engine answers, install or start one: {done.stderr.strip().splitlines()[-1:]}")
    owned.sweep()


@pytest.fixture(scope="session")
def systemd_host() -> Path:
    """The kit's script that boots a throw-away Debian with systemd; its tree is there."""
    script = KIT / "systemd-host"
    needs_root("a host with systemd")
    if not script.exists():
        pytest.skip("the kit with systemd-host is not beside the checkout (../shared/kit)")
    if not (TREES / SUITE / "tree" / "sbin" / "init").exists():
        pytest.skip("the host's tree is missing: ../shared/kit/systemd-host build")
    return script
