"""A backup of the SQLite file: one consistent copy, taken while others write."""

import sqlite3
from contextlib import closing, suppress
from pathlib import Path
from typing import Literal
from urllib.parse import quote

from deploy.effects import files
from deploy.errors import BadInputError, StackError
from deploy.operations.backup.manifest import Rows

SIDES = ("-wal", "-shm", "-journal")
LOGGED = b"\x02\x02"  # where its header says who may read and write it: those that know the log


class SqliteEngine:
    """The database in a file."""

    name: Literal["sqlite"] = "sqlite"
    file = "database.sqlite3"

    def __init__(self, path: Path) -> None:
        self._path = path

    def dump(self, target: Path) -> None:
        """Copy in one step of SQLite's own backup: a reader's snapshot, so no writer waits and none is half there."""
        try:
            with closing(_open(self._path, "rw")) as source, closing(sqlite3.connect(target)) as copy:
                source.backup(copy, pages=-1)
                copy.execute("PRAGMA journal_mode=DELETE")  # one file, without a log beside it
        except sqlite3.Error as error:
            raise StackError(f"{self._path}: {error}") from None
        files.sync(target)

    def read_back(self, path: Path) -> Rows:
        """Read every page of a copy and count its rows, changing nothing; raises StackError where it is damaged."""
        try:
            with closing(_open(path, "ro&immutable=1")) as copy:
                said = copy.execute("PRAGMA integrity_check(1)").fetchone()[0]
                if said != "ok":
                    raise StackError(f"{path}: {said}")
                tables = copy.execute(
                    "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
                    " AND sql NOT LIKE 'CREATE VIRTUAL%'"  # of an extension that is not loaded here"
                )
                return {name: _count(copy, name) for (name,) in tables.fetchall()}
        except sqlite3.Error as error:
            raise StackError(f"{path}: {error}") from None

    def restore(self, path: Path) -> None:
        """Put a copy in the database's place in one step."""
        files.make_folder(self._path.parent)
        fresh = self._path.with_name(f".{self._path.name}.restored")
        files.remove(fresh)
        files.copy(path, fresh)
        # The old log would be played into the new file. SQLite removes it itself where the old file can be opened.
        with suppress(sqlite3.Error), closing(_open(self._path, "rw")) as old:
            old.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        for side in SIDES:
            files.remove(self._path.with_name(self._path.name + side))
        fresh.replace(self._path)
        files.sync(self._path.parent)


def snapshot(path: Path, target: Path) -> None:
    """Copy somebody else's file without a trace beside it; raises BadInputError for one that is no whole database."""
    try:
        with path.open("rb") as file:
            has_log = file.read(20)[18:] == LOGGED
        # Of a file with a log, SQLite makes files beside it to read it, unless it is told that nobody writes.
        is_still = has_log and not _beside(path, "-wal").exists()
        opened, mode = path, "ro&immutable=1" if is_still else "ro"
        if has_log and not is_still and not _beside(path, "-shm").exists():  # nobody has it open: whoever wrote it died
            opened, mode = target.with_name("died.sqlite3"), "rw"
            files.copy(path, opened)
            files.copy(_beside(path, "-wal"), _beside(opened, "-wal"))
        with closing(_open(opened, mode)) as source, closing(sqlite3.connect(target)) as copy:
            source.backup(copy, pages=-1)
            copy.execute("PRAGMA journal_mode=DELETE")
        if opened != path:
            files.remove(opened)
        SqliteEngine(target).read_back(target)
    except (sqlite3.Error, StackError) as error:
        said = str(error).removeprefix(f"{target}: ")
        raise (StackError if _is_full(error) else BadInputError)(f"{path}: {said}") from None


def _beside(path: Path, side: str) -> Path:
    return path.with_name(f"{path.name}{side}")


def _is_full(error: Exception) -> bool:
    return getattr(error, "sqlite_errorname", "") == "SQLITE_FULL"


def _open(path: Path, mode: str) -> sqlite3.Connection:
    return sqlite3.connect(f"file:{quote(str(path))}?mode={mode}", uri=True, timeout=10)


def _count(connection: sqlite3.Connection, table: str) -> int:
    quoted = table.replace('"', '""')
    number: int = connection.execute(f'SELECT count(*) FROM "{quoted}"').fetchone()[0]  # noqa: S608 (quoted above)
    return number
