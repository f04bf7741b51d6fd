"""A test run that was killed does not come into the next one's way."""

import re
import subprocess

import pytest

from tests.deploy.stacks.compose.owned import left, new_name, sweep
from tests.deploy.stacks.compose.stack import command

pytestmark = [pytest.mark.docker, pytest.mark.own_stack]


def test_what_a_killed_run_left_is_removed_and_a_running_ones_is_not(engine: None) -> None:
    """Containers that the engine would start again, their networks, volumes and images."""
    run = subprocess.Popen(["sleep", "60"])
    ours, theirs = new_name(), new_name(run.pid)
    before_a_restart = re.sub(r"-\d+-(\w{6})$", r"-1-\1", ours)  # the same number, but another process
    try:
        for name in (ours, theirs, before_a_restart):
            command("docker", "network", "create", name)
            command("docker", "tag", "redis:8", f"{name}:current")
            place = (f"--network={name}", f"--name={name}-web-1", f"--volume={name}_data:/data")
            command("docker", "run", "--detach", "--restart=unless-stopped", *place, f"{name}:current")
        assert all(len(left(name)) == 4 for name in (ours, theirs, before_a_restart))
        run.kill()
        run.wait()
        sweep()
        assert [len(left(name)) for name in (ours, theirs, before_a_restart)] == [4, 0, 0]
    finally:
        run.kill()
        command("docker", "rm", "--force", f"{ours}-web-1")
        command("docker", "network", "rm", ours)
        command("docker", "volume", "rm", f"{ours}_data")
        command("docker", "image", "rm", f"{ours}:current")
    assert left(ours) == []
