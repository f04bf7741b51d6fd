"""What the doctor reads in /proc, as somebody who is not root."""

import contextlib
import subprocess
import sys
from pathlib import Path

import pytest

from deploy.effects import procfs
from tests.checkout import ROOT

# Drops root once everything is loaded: the environment may lie where only root may read.
ZOMBIE = """
import os, subprocess
from deploy.effects import procfs
if os.getuid() == 0:
    os.setgid(65534)
    os.setuid(65534)
ended = subprocess.Popen(["true"])
os.waitid(os.P_PID, ended.pid, os.WEXITED | os.WNOWAIT)
print(dict(procfs.environment(ended.pid)), procfs.children(ended.pid))
ended.wait()
"""


def test_an_instance_that_died_and_was_not_waited_for_has_nothing() -> None:
    """The kernel refuses the environment of a zombie to its own user, which is no lack of rights."""
    done = subprocess.run([sys.executable, "-c", ZOMBIE], cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == ("{} frozenset()\n", "")


@pytest.mark.parametrize(
    ("memory", "refused"), [("0 0 0 0 0 0 0", False), ("900 70 20 1 0 9 0", True)], ids=["ending", "somebody else's"]
)
def test_one_that_has_no_memory_any_more_is_ending(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, memory: str, refused: bool
) -> None:
    """Between its memory and its end the kernel says R, and refuses already: seen on busy machines."""
    own = tmp_path / "7"
    own.mkdir()
    (own / "stat").write_text("7 (gunicorn) R 1")
    (own / "statm").write_text(memory)
    monkeypatch.setattr(procfs, "PROC", tmp_path)
    monkeypatch.setattr(Path, "read_bytes", refuse)
    with pytest.raises(PermissionError) if refused else contextlib.nullcontext():
        assert procfs.environment(7) == {}


def refuse(path: Path) -> bytes:
    raise PermissionError(path)
