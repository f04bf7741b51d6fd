"""Static files of two releases side by side in one folder: pages of the old one still ask for theirs (pitfalls A11)."""

import json
import shutil
from pathlib import Path

from deploy import files

KEPT = 2
RECORD = "releases.json"
READABLE = 0o644

Record = dict[str, list[str]]  # release → its files, oldest release first


def add(collected: Path, volume: Path, release: str) -> None:
    """Put a release's files beside what is there, and take away those of no release of the last two."""
    served = volume / "files"
    names = sorted(str(path.relative_to(collected)) for path in collected.rglob("*") if path.is_file())
    for name in names:
        _put(collected / name, served / name)
    record = {known: its for known, its in _read(volume).items() if known != release} | {release: names}
    record = dict(list(record.items())[-KEPT:])
    files.write(volume / RECORD, json.dumps(record))
    kept = {name for its in record.values() for name in its}
    for path in [path for path in served.rglob("*") if path.is_file()]:
        if str(path.relative_to(served)) not in kept:
            path.unlink()


def newest(volume: Path) -> str | None:
    """Name the release that was added last."""
    return next(reversed(_read(volume)), None)


def _read(volume: Path) -> Record:
    path = volume / RECORD
    found: Record = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    return found


def _put(source: Path, target: Path) -> None:
    """Write whole or not at all: nginx serves the folder meanwhile. A name with a hash is there already, or new."""
    if target.exists() and target.read_bytes() == source.read_bytes():
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    new = target.with_name(f".{target.name}.new")
    shutil.copyfile(source, new)
    new.chmod(READABLE)
    new.replace(target)
