"""A backup of uploaded files: one tar, of a folder or of a volume that only a container reaches."""

import os
import shutil
import sys
from pathlib import Path
from subprocess import PIPE
from typing import Literal

from deploy.effects import commands, files
from deploy.operations.backup import archive
from deploy.stacks.stack import Media

Act = Literal["dump", "prepare", "swap", "discard"]


class MediaEngine:
    """The files in a folder."""

    name: Literal["media"] = "media"
    file = "media.tar"
    what = "files"

    def __init__(self, media: Media) -> None:
        self._path = media.path

    def dump(self, target: Path) -> None:
        """Write all files; people upload on."""
        with files.naming(target), target.open("wb") as file:
            archive.pack(self._path, file)
            file.flush()
            os.fsync(file.fileno())

    def read_back(self, path: Path) -> int:
        """Count the files in a copy."""
        return archive.count(path)

    def prepare(self, path: Path, digest: str) -> None:
        """Unpack a copy beside what is there, which stays."""
        with path.open("rb") as source:
            archive.prepare(self._path, source, digest)

    def swap(self) -> None:
        """Have it replace what is there."""
        archive.swap(self._path)

    def discard(self) -> None:
        """Leave what is there."""
        archive.discard(self._path)


class VolumeMedia(MediaEngine):
    """The files on a volume: `python -m deploy media-files` reads and writes them, in a container."""

    def __init__(self, media: Media) -> None:
        super().__init__(media)
        self._command = (*media.deploy, "media-files")

    def dump(self, target: Path) -> None:
        """Write what the container packs."""
        with (
            files.naming(target),
            target.open("wb") as file,
            commands.piped(self._words("dump"), stdout=PIPE) as packed,
        ):
            assert packed.stdout is not None  # noqa: S101 (a pipe was asked for)
            shutil.copyfileobj(packed.stdout, file, 1 << 20)
            file.flush()
            os.fsync(file.fileno())

    def prepare(self, path: Path, digest: str) -> None:
        """Give it the copy, and its digest: what arrives cut short replaces nothing."""
        with path.open("rb") as file, commands.piped([*self._words("prepare"), digest], stdin=file):
            pass

    def swap(self) -> None:
        """Have the container do it."""
        commands.output(self._words("swap"))

    def discard(self) -> None:
        """Have the container do it."""
        commands.output(self._words("discard"))

    def _words(self, what: Act) -> list[str]:
        return [*self._command, what, str(self._path)]


def act(what: Act, path: Path, digest: str) -> None:
    """Do it, inside the container: between the folder and stdin or stdout. Raises StackError."""
    if what == "dump":
        archive.pack(path, sys.stdout.buffer)
        sys.stdout.buffer.flush()
    elif what == "prepare":
        archive.prepare(path, sys.stdin.buffer, digest)
    elif what == "swap":
        archive.swap(path)
    else:
        archive.discard(path)
