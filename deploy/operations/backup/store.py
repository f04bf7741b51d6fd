"""The folder that backups stand in: each a folder of its own, named after its time, complete or not there."""

import datetime as dt
import fcntl
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from deploy.effects import files
from deploy.errors import BadInputError
from deploy.operations.backup import manifest

NAMED = re.compile(r"\d{8}T\d{6}\.\d{3}Z")
PART = ".part"
LOCK = ".lock"


class BackupStore:
    """Backups by name, oldest first; the names sort by time."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def names(self) -> list[str]:
        """Name the backups that were finished."""
        if not self.folder.exists():
            return []
        if not self.folder.is_dir():
            raise BadInputError(f"{self.folder} is not a folder")
        return sorted(
            path.name
            for path in self.folder.iterdir()
            if NAMED.fullmatch(path.name) and (path / manifest.NAME).is_file()
        )

    def path(self, name: str | None) -> Path:
        """Give a backup's folder, the newest one's without a name; raises BadInputError where there is none."""
        names = self.names()
        if not names:
            raise BadInputError(f"{self.folder} has no backup")
        if name is not None and name not in names:
            raise BadInputError(f"no backup {name!r} in {self.folder}: the newest is {names[-1]}")
        return self.folder / (name or names[-1])

    @contextmanager
    def fresh(self) -> Iterator[tuple[str, Path]]:
        """Yield the name of a new backup and an empty folder for it, which stands under that name after the block."""
        files.make_folder(self.folder)
        with self._alone():
            now = dt.datetime.now(dt.UTC)
            name = f"{now:%Y%m%dT%H%M%S}.{now.microsecond // 1000:03d}Z"
            part = self.folder / f"{name}{PART}"
            part.mkdir(mode=files.PRIVATE_FOLDER)
            try:
                yield name, part
                part.rename(self.folder / name)
                files.sync(self.folder)
            except BaseException:
                files.remove(part)
                raise

    def keep(self, number: int) -> list[str]:
        """Remove all but the newest so many, and name what was removed."""
        if not self.folder.exists():
            return []
        with self._alone():
            gone = self.names()[:-number]
            for name in gone:
                files.remove(self.folder / name / manifest.NAME)  # first: what is half removed is no backup
                files.remove(self.folder / name)
        return gone

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Keep others out, and clear away what a killed one left."""
        descriptor = os.open(self.folder / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise BadInputError(f"another backup is being made in {self.folder}") from None
            for left in self.folder.glob(f"*{PART}"):
                files.remove(left)
            yield
        finally:
            os.close(descriptor)
