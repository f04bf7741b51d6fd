"""Whose a folder of state is: two projects may have one name, and the second must not get the first one's data."""

import os
from pathlib import Path

from deploy.effects import files
from deploy.errors import BadInputError
from deploy.model.config import Config


def require(config: Config, file: Path) -> str:
    """Return the project's own folder; raise BadInputError where the file names another project that is still there."""
    here = os.path.realpath(config.folder / config.project.path)
    there = file.read_text(encoding="utf-8") if file.exists() else here
    if there != here and Path(there, "manage.py").exists():  # else it was moved
        raise BadInputError(
            f"{file.parent} has what was made for {there}: give {here} another [site] name, or name another folder"
        )
    return here


def claim(config: Config, file: Path) -> None:
    """Write down whose it is."""
    files.write(file, require(config, file))
