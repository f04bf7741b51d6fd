"""What a backup says of itself: written last, so that half a backup has none."""

import hashlib
from pathlib import Path
from typing import Literal

import msgspec

from deploy.effects import files
from deploy.errors import StackError

NAME = "manifest.json"

Rows = dict[str, int]


class Part(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a backup has beside the database."""

    name: Literal["media", "store"]
    file: str
    bytes: int
    sha256: str
    number: int  # of files, or of keys


class Manifest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """One backup: what made it, and what must be found in its files."""

    format: Literal[1]
    engine: Literal["sqlite", "postgresql"]
    release: str
    at: str  # UTC
    file: str
    bytes: int
    sha256: str
    rows: Rows  # by table
    parts: tuple[Part, ...] = ()  # of a project that keeps more than a database


def read(folder: Path) -> Manifest:
    """Read a backup's manifest; raises StackError for one that is none."""
    try:
        return msgspec.json.decode((folder / NAME).read_bytes(), type=Manifest)
    except OSError as error:
        raise StackError(f"{folder}: not a complete backup: {error.strerror}: {NAME}") from None
    except msgspec.MsgspecError as error:
        raise StackError(f"{folder / NAME}: {error}") from None


def write(folder: Path, manifest: Manifest) -> None:
    """Write it, safe from power loss."""
    files.write(folder / NAME, msgspec.json.format(msgspec.json.encode(manifest)) + b"\n")


def sha256(path: Path) -> str:
    """Digest a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
