"""One at a time, and the second one learns of whom."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from deploy.errors import BadInputError
from deploy.operations.rollout.steps import rollout
from deploy.stacks.lock import held
from tests.deploy.operations.rollout.fake import OLD, FakeStack

HOLD = """
import sys
from pathlib import Path
from deploy.stacks.lock import held
with held(Path(sys.argv[1]), "rollout", "the hotfix"):
    print("held", flush=True)
    sys.stdin.read()
"""


def holder(folder: Path, here: Path) -> subprocess.Popen[str]:
    """Start a process that holds the lock, and return once it does."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(folder)],
        env=os.environ | {"PYTHONPATH": str(here), "SUDO_USER": "ada"},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    return process


def test_a_second_one_reads_who_when_and_why(fake: FakeStack, here: Path) -> None:
    """It is refused with one line, and nothing was asked of the stack."""
    with holder(fake.folder, here) as first:
        with pytest.raises(BadInputError) as refused:
            rollout(fake, None, lambda _: None)
        first.communicate("")
    line = str(refused.value)
    assert "\n" not in line
    for part in ("ada since 20", "UTC", "rollout", f"pid {first.pid}", "the hotfix"):
        assert part in line
    assert fake.did == []
    assert fake.releases == [OLD, OLD]


def test_the_lock_of_a_dead_process_is_taken_over(tmp_path: Path, here: Path) -> None:
    """kill -9 in the middle of a rollout does not shut out the next one, though the file is still there."""
    with holder(tmp_path, here) as first:
        first.send_signal(signal.SIGKILL)
        first.wait()
        assert first.stdout is not None
        first.stdout.close()
    assert (tmp_path / "rollout.lock").read_text().startswith("ada since")
    with held(tmp_path, "rollout"):
        assert f"pid {os.getpid()}" in (tmp_path / "rollout.lock").read_text()


def test_it_is_let_go_of_after_a_failure(fake: FakeStack) -> None:
    """A rollout that was refused does not leave itself in the way."""
    fake.broken = {("check", "x")}
    with pytest.raises(Exception, match="check of x fails"):
        rollout(fake, "x", lambda _: None)
    rollout(fake, None, lambda _: None)
