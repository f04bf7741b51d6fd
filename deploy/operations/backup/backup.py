"""Create, verify, restore: each is whole, or changes nothing."""

import datetime as dt
import sqlite3
from pathlib import Path

from deploy.effects import files
from deploy.errors import BadInputError, StackError
from deploy.operations.backup import manifest
from deploy.operations.backup.manifest import Manifest
from deploy.operations.backup.source import Source, engine
from deploy.operations.backup.store import BackupStore

MIGRATIONS = "django_migrations"  # every database that Django has migrated has it


def create(source: Source, store: BackupStore) -> Path:
    """Make a backup, read it back, and give its folder; raises StackError with nothing left behind."""
    database = engine(source)
    with store.fresh() as (name, part):
        path = part / database.file
        path.touch(files.PRIVATE_FILE)
        database.dump(path)
        rows = database.read_back(path)
        if MIGRATIONS not in rows:
            raise StackError(f"this database has no data of the project: there is no table {MIGRATIONS}")
        made = Manifest(
            engine=database.name,
            release=source.release,
            at=f"{dt.datetime.now(dt.UTC):%Y-%m-%dT%H:%M:%SZ}",
            file=database.file,
            bytes=path.stat().st_size,
            sha256=manifest.sha256(path),
            rows=rows,
        )
        manifest.write(part, made)
    return store.folder / name


def verify(source: Source, folder: Path) -> Manifest:
    """Read a backup back as a restore would: its bytes are the same, and all its rows are there; raises StackError."""
    said = manifest.read(folder)
    database = engine(source)
    if said.engine != database.name:
        raise BadInputError(f"{folder} is a backup of {said.engine}, and this stack's database is {database.name}")
    path = folder / said.file
    if not path.is_file():
        raise StackError(f"{folder}: {said.file} is missing")
    if path.stat().st_size != said.bytes or manifest.sha256(path) != said.sha256:
        raise StackError(f"{path} has changed since the backup: its SHA-256 differs")
    if database.read_back(path) != said.rows:
        raise StackError(f"{path} does not have the rows that its manifest counts")
    return said


def restore(source: Source, folder: Path) -> Manifest:
    """Put a backup in the database's place, in a stopped stack; raises BadInputError or StackError."""
    with source.stopped("restore"):
        said = verify(source, folder)
        try:
            engine(source).restore(folder / said.file)
        except (sqlite3.Error, OSError) as error:
            raise StackError(f"{folder} was not restored: {error}") from None
        try:
            source.settle()
        except (StackError, BadInputError) as error:
            raise StackError(f"{folder} is restored, but a step after that failed: restore it again\n{error}") from None
    return said
