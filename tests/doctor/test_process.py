"""What the doctor reads in /proc, as somebody who is not root."""

import subprocess
import sys

from tests.running import ROOT

# Drops root once everything is loaded: the environment may lie where only root may read.
ZOMBIE = """
import os, subprocess
from deploy.doctor import process
if os.getuid() == 0:
    os.setgid(65534)
    os.setuid(65534)
ended = subprocess.Popen(["true"])
os.waitid(os.P_PID, ended.pid, os.WEXITED | os.WNOWAIT)
print(dict(process.environment(ended.pid)), process.children(ended.pid))
ended.wait()
"""


def test_an_instance_that_died_and_was_not_waited_for_has_nothing() -> None:
    """The kernel refuses the environment of a zombie to its own user, which is no lack of rights."""
    done = subprocess.run([sys.executable, "-c", ZOMBIE], cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == ("{} []\n", "")
