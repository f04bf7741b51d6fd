"""The copy of an SQLite file that a move reads from."""

import os
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

from deploy.operations.backup.sqlite import snapshot
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


DIES = """
import os, signal, sqlite3, sys
connection = sqlite3.connect(sys.argv[1])
connection.execute("PRAGMA journal_mode=WAL")
connection.execute("CREATE TABLE log (text)")
connection.execute("INSERT INTO log VALUES ('in the log alone')")
connection.commit()
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_the_file_of_a_writer_that_died_is_copied_without_a_trace(tmp_path: Path) -> None:
    """With what its log has, and no file more beside it."""
    (tmp_path / "theirs").mkdir()
    (tmp_path / "copy").mkdir()
    file, copy = tmp_path / "theirs" / "db.sqlite3", tmp_path / "copy" / "source.sqlite3"
    subprocess.run([sys.executable, "-c", DIES, str(file)], check=False)
    (tmp_path / "theirs" / "db.sqlite3-shm").unlink()  # as in a copy of the folder
    before = {path.name: path.read_bytes() for path in (tmp_path / "theirs").iterdir()}
    snapshot(file, copy)
    with closing(sqlite3.connect(copy)) as connection:
        assert connection.execute("SELECT text FROM log").fetchall() == [("in the log alone",)]
    assert {path.name: path.read_bytes() for path in (tmp_path / "theirs").iterdir()} == before
    assert [path.name for path in copy.parent.iterdir()] == [copy.name]
