"""A backup of an SQLite file on a volume: `python -m deploy database-file` copies and replaces it, in a container.

The file belongs to the image's user, and its write-ahead log is shared memory of those who have it open: whoever copies
it is one of them.
"""

import os
import sys
from pathlib import Path
from typing import Literal

from deploy.effects import commands, files
from deploy.errors import StackError
from deploy.operations.backup import manifest
from deploy.operations.backup.sqlite import SqliteEngine
from deploy.stacks.stack import Sqlite

Act = Literal["dump", "restore"]
CHUNK = 1 << 20  # of what is copied through a pipe


class VolumeEngine(SqliteEngine):
    """The database in a file that only a container can reach."""

    def __init__(self, database: Sqlite) -> None:
        super().__init__(database.path)
        self._command = (*database.deploy, "database-file")

    def dump(self, target: Path) -> None:
        """Write what the container copied."""
        with target.open("wb") as file:
            with commands.piped([*self._command, "dump", str(self._path)], stdout=file):
                pass
            os.fsync(file.fileno())

    def restore(self, path: Path) -> None:
        """Give it the copy, and its digest: what arrives cut short replaces nothing."""
        with (
            path.open("rb") as file,
            commands.piped([*self._command, "restore", str(self._path), manifest.sha256(path)], stdin=file),
        ):
            pass


def act(what: Act, path: Path, digest: str) -> None:
    """Do it, inside the container: between the file and stdin or stdout. Raises StackError."""
    copy = path.with_name(f".{path.name}.{what}")  # beside it: /tmp is small; a backup may be made during a restore
    try:
        if what == "dump":
            SqliteEngine(path).dump(copy)
            _write_out(copy)
        else:
            _read_in(copy)
            if manifest.sha256(copy) != digest:
                raise StackError(f"{path} was not replaced: not all of the copy arrived")
            SqliteEngine(path).restore(copy)
    finally:
        files.remove(copy)


def _write_out(copy: Path) -> None:
    with copy.open("rb") as file:
        while chunk := file.read(CHUNK):
            sys.stdout.buffer.write(chunk)
    sys.stdout.buffer.flush()


def _read_in(copy: Path) -> None:
    with copy.open("wb") as file:
        while chunk := sys.stdin.buffer.read(CHUNK):
            file.write(chunk)
