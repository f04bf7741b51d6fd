"""What is read off a command line."""

from pathlib import Path
from typing import Any

import typer


def _folder(typed: str) -> Path:
    if not typed:
        raise typer.BadParameter("the name of a folder is empty")  # and not the current one, which nobody meant
    return Path(typed)


FOLDER: dict[str, Any] = {"parser": _folder, "metavar": "FOLDER"}  # for typer.Option
