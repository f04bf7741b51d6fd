"""Create, verify, restore: each is whole, or changes nothing."""

import datetime as dt
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path

from deploy.effects import files
from deploy.effects.progress import say
from deploy.errors import BadInputError, StackError
from deploy.operations.backup import manifest
from deploy.operations.backup.manifest import Manifest, Part
from deploy.operations.backup.parts import PartEngine, parts
from deploy.operations.backup.source import Source, engine
from deploy.operations.backup.store import BackupStore

MIGRATIONS = "django_migrations"  # every database that Django has migrated has it
WHAT = {"media": "uploaded files", "store": "data of a Redis that keeps them"}


def create(source: Source, store: BackupStore) -> Path:
    """Make a backup, read it back, and give its folder; raises StackError with nothing left behind.

    The database comes first: a file is stored before the row that names it, so each row of the copy has its file.
    """
    database, others = engine(source), parts(source)
    with store.fresh() as (name, part):
        path = part / database.file
        path.touch(files.PRIVATE_FILE)
        database.dump(path)
        made_parts = tuple(_made(one, part) for one in others)
        rows = database.read_back(path)
        if MIGRATIONS not in rows:
            raise StackError(f"this database has no data of the project: there is no table {MIGRATIONS}")
        made = Manifest(
            format=1,
            engine=database.name,
            release=source.release,
            at=f"{dt.datetime.now(dt.UTC):%Y-%m-%dT%H:%M:%SZ}",
            file=database.file,
            bytes=path.stat().st_size,
            sha256=manifest.sha256(path),
            rows=rows,
            parts=made_parts,
        )
        manifest.write(part, made)
    return store.folder / name


def verify(source: Source, folder: Path) -> Manifest:
    """Read a backup back as a restore would: its bytes are the same, and all its rows are there; raises StackError."""
    return _verified(source, folder, parts(source))


def _verified(source: Source, folder: Path, others: Sequence[PartEngine]) -> Manifest:
    said = manifest.read(folder)
    database = engine(source)
    if said.engine != database.name:
        raise BadInputError(f"{folder} is a backup of {said.engine}, and this stack's database is {database.name}")
    path = folder / said.file
    _require_same(path, said)
    if database.read_back(path) != said.rows:
        raise StackError(f"{path} does not have the rows that its manifest counts")
    for one, part in _matched(others, said, folder):
        _require_same(folder / part.file, part)
        if one.read_back(folder / part.file) != part.number:
            raise StackError(f"{folder / part.file} does not have the {one.what} that its manifest counts")
    return said


def restore(source: Source, folder: Path) -> Manifest:
    """Put a backup in the place of all data, in a stopped stack; raises BadInputError or StackError.

    What may be refused comes first: files and keys are brought beside those that are there, then the database is
    replaced in one step, and then they change places.
    """
    others = parts(source)  # first: the lock of what is stopped looks like one that runs
    with source.stopped("restore"), ExitStack() as prepared:
        said = _verified(source, folder, others)
        matched = list(_matched(others, said, folder))
        for one in others:
            if one.name not in {part.name for part in said.parts}:
                say(f"{folder} has no {WHAT[one.name]}: those that are there stay")
        try:
            for one, part in matched:
                one.prepare(folder / part.file, part.sha256)
                prepared.callback(one.discard)
            engine(source).restore(folder / said.file)
        except (sqlite3.Error, OSError) as error:
            raise StackError(f"{folder} was not restored: {error}") from None
        try:
            for one, _ in matched:
                one.swap()
            prepared.pop_all()
            source.settle()
        except (StackError, BadInputError, OSError) as error:
            raise StackError(f"{folder} is restored, but a step after that failed: restore it again\n{error}") from None
    return said


def _made(one: PartEngine, folder: Path) -> Part:
    path = folder / one.file
    one.dump(path)
    path.chmod(files.PRIVATE_FILE)
    return Part(
        name=one.name,
        file=one.file,
        bytes=path.stat().st_size,
        sha256=manifest.sha256(path),
        number=one.read_back(path),
    )


def _require_same(path: Path, said: Manifest | Part) -> None:
    """Raise StackError for a file that is not what was written."""
    if not path.is_file():
        raise StackError(f"{path.parent}: {path.name} is missing")
    if path.stat().st_size != said.bytes or manifest.sha256(path) != said.sha256:
        raise StackError(f"{path} has changed since the backup: its SHA-256 differs")


def _matched(others: Sequence[PartEngine], said: Manifest, folder: Path) -> Iterator[tuple[PartEngine, Part]]:
    """Give what takes each part; raise BadInputError for a part that this stack has no place for."""
    engines = {one.name: one for one in others}
    for part in said.parts:
        if part.name not in engines:
            raise BadInputError(f"{folder} has {WHAT[part.name]}, and this project keeps none of that kind")
        yield engines[part.name], part
