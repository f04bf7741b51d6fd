"""A project's files as its releases have them, on Compose and on systemd."""

import hashlib
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from deploy.effects import files
from deploy.model import release as releases
from deploy.model.config import Config
from deploy.stacks import requirements, shipped
from deploy.stacks.local import application
from deploy.stacks.requirements import Requirements
from deploy.text.compose import folders

READABLE, PROGRAM = 0o644, 0o755

Say = Callable[[str], object]


@dataclass(frozen=True)
class Copies:
    """What a release takes of a project's folder."""

    config: Config
    root: Path  # the folder whose paths stay as they are
    paths: list[Path]
    asked: Requirements

    @classmethod
    def of(cls, config: Config, say: Say) -> "Copies":
        """Look at a project's folder; raise BadInputError for what no release can have."""
        application.require(config)
        root = folders.root(config)
        paths, lines = shipped.found(root, _media(config))
        asked = requirements.read(config)
        for line in [*lines, *requirements.said(asked)]:
            say(line)
        return cls(config, root, paths, asked)

    def release(self, *texts: str) -> str:
        """Return the id of the release: a digest of Parley, of these texts, and of the files."""
        digest = hashlib.sha256(f"{releases.release()}\0".encode())
        for text in (*texts, self.asked.digest(), *requirements.serving()):
            digest.update(f"{text}\0".encode())
        for path in self.paths:
            name = path.relative_to(self.root)
            digest.update(f"{name}\0{path.stat().st_mode & 0o100}\0".encode(errors="surrogateescape"))
            digest.update(path.read_bytes())
        version = releases.release().rpartition("-")[0]
        return f"{version}-{digest.hexdigest()[: releases.DIGITS]}"

    def put(self, folder: Path, *, without: Path | None = None) -> None:
        """Copy the files, but one of them."""
        for path in self.paths:
            if path != without:
                put(path, folder / path.relative_to(self.root))


def put(source: Path, target: Path) -> None:
    """Copy a file for everybody to read; not safe from power loss, as others are: it is made anew."""
    files.make_folder(target.parent, PROGRAM)
    shutil.copyfile(source, target)
    target.chmod(PROGRAM if source.stat().st_mode & 0o100 else READABLE)


def _media(config: Config) -> Path | None:
    named = config.project.media
    return (config.folder / named).resolve() if named else None
