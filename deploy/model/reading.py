"""Reads files that somebody wrote: only regular ones, because a FIFO or a device may never come to its end."""

import tomllib
from pathlib import Path
from typing import Any

from deploy.errors import BadInputError


def content(path: Path) -> bytes:
    """Return what a file holds; raise BadInputError with one line for what cannot be read."""
    try:
        if path.exists() and not (path.is_file() or path.is_dir()):
            raise BadInputError(f"{path} is not a regular file")
        return path.read_bytes()
    except OSError as error:
        raise BadInputError(f"{path}: {error.strerror}") from None


def text(path: Path) -> str:
    """Return a file's text without the byte order mark, which editors of Windows write and TOML does not have."""
    try:
        return content(path).decode("utf-8-sig")
    except UnicodeDecodeError:
        raise BadInputError(f"{path} is not UTF-8") from None


def toml(path: Path) -> dict[str, Any]:
    """Return the tables of a TOML file."""
    return tables(text(path), str(path))


def tables(said: str, source: str) -> dict[str, Any]:
    """Return the tables of a TOML text; raise BadInputError that names its source."""
    try:
        return tomllib.loads(said)
    except ValueError as error:  # TOMLDecodeError is one, and a number of 5 000 digits another
        raise BadInputError(f"{source}: {error}") from None
    except RecursionError:
        raise BadInputError(f"{source}: nested too deeply") from None
