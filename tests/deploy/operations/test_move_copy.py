"""The copy of an SQLite file that a move reads from."""

import os
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

from tests.checkout import ROOT

KILLED = """
import os, signal, sys
from pathlib import Path
from deploy.operations import move
with move._copied(Path(sys.argv[1]), Path(sys.argv[2])) as copy:
    if sys.argv[3:]:
        os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_copy_is_private_and_goes(tmp_path: Path) -> None:
    """Nobody else reaches it, not even after a move that was killed; the next one removes it."""
    file, folder = tmp_path / "db.sqlite3", tmp_path / "moving"
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.execute("CREATE TABLE secret (text)")
    file.chmod(0o600)
    tmp_path.chmod(0o755)
    command = [sys.executable, "-c", KILLED, str(folder), str(file)]
    env = os.environ | {"PYTHONPATH": str(ROOT)}
    assert subprocess.run([*command, "kill"], env=env, check=False).returncode == -signal.SIGKILL
    assert list(folder.rglob("*.sqlite3"))
    assert folder.stat().st_mode & 0o777 == 0o700
    assert subprocess.run(command, env=env, check=False).returncode == 0
    assert not folder.exists()
