"""`./parley move database`: the rows of an SQLite file, brought into the PostgreSQL of a stopped stack."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from deploy.effects import files
from deploy.effects.progress import say
from deploy.errors import BadInputError, StackError
from deploy.operations.backup.source import LocalSource, Source
from deploy.operations.backup.sqlite import snapshot
from deploy.stacks.local.layout import MOVING
from deploy.stacks.stack import Sqlite

READABLE, LISTED = 0o444, 0o755  # in a container another user reads them; here the folder above is private


def move(source: Source, file: Path | None) -> dict[str, int]:
    """Move the rows and count them by table; raises BadInputError with nothing changed."""
    path, is_local = _file(source, file), isinstance(source, LocalSource)
    if isinstance(source.database, Sqlite):
        ways = "database.url, or give --to postgres://user@host/name" if is_local else 'project.database = "postgres"'
        raise BadInputError(f"this stack has no PostgreSQL: write {ways}")
    with source.stopped("move"), _copied(source.folder / MOVING, path) as copy:
        answer = source.moved(copy)
    try:
        said: dict[str, Any] = json.loads(answer)
    except ValueError:
        raise StackError(f"{path} was not moved: the project said nothing of it") from None
    for line in said.get("left", ()):
        say(line)
    if "problem" in said:
        raise BadInputError(f"{path} was not moved: {said['problem']}")
    return dict(said["moved"])


def _file(source: Source, file: Path | None) -> Path:
    if file is None:
        if not isinstance(source, LocalSource):
            raise BadInputError("give --from FILE: which SQLite file is to be moved")
        file = source.layout.database
    if not file.is_file():
        raise BadInputError(f"{file} is not a file")
    return file.absolute()


@contextmanager
def _copied(folder: Path, path: Path) -> Iterator[Path]:
    """Have a copy while the block runs: of one moment, and where the project's user may read it."""
    files.remove(folder)  # what a move that was killed has left
    given = folder / "given"
    files.make_folder(folder)
    files.make_folder(given)
    try:
        copy = given / "source.sqlite3"
        snapshot(path, copy)
        copy.chmod(READABLE)
        given.chmod(LISTED)
        yield copy
    finally:
        files.remove(folder)
