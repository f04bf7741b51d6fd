"""Static files of two releases side by side in one folder: pages of the old one still ask for theirs (pitfalls A11)."""

import json
import shutil
from pathlib import Path

from deploy.effects import files
from deploy.errors import BadInputError

KEPT = 2
RECORD = "releases.json"
SERVED = "files"
READABLE = 0o644

# Release → its files: first what was only tried, then what has served, the newest of these last.
Record = dict[str, list[str]]


def add(collected: Path, volume: Path, release: str) -> None:
    """Put a release's files beside all that is there: nobody knows yet whether it will serve."""
    require_no_links(collected)
    names = sorted(str(path.relative_to(collected)) for path in collected.rglob("*") if path.is_file())
    for name in names:
        _put(collected / name, volume / SERVED / name)
    record = _read(volume)
    known = release in record
    _write(volume, record | {release: names} if known else {release: names} | record)


def require_no_links(collected: Path) -> None:
    """Raise BadInputError for a link: the project's code made it, and root would publish what it leads to."""
    if link := next((path for path in sorted(collected.rglob("*")) if path.is_symlink()), None):
        raise BadInputError(f"collectstatic left a symbolic link, {link.relative_to(collected)}: it is to copy files")


def serves(volume: Path, release: str) -> None:
    """Keep the files of this release, which serves now, and of the one that served before it; remove all others."""
    record = _read(volume)
    record[release] = record.pop(release)
    record = dict(list(record.items())[-KEPT:])
    _write(volume, record)
    kept = {name for its in record.values() for name in its}
    served = volume / SERVED
    for path in [path for path in served.rglob("*") if path.is_file()]:
        if str(path.relative_to(served)) not in kept:
            path.unlink()


def newest(volume: Path) -> str | None:
    """Name the release that serves, as far as it was said."""
    return next(reversed(_read(volume)), None)


def _read(volume: Path) -> Record:
    path = volume / RECORD
    found: Record = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    return found


def _write(volume: Path, record: Record) -> None:
    files.write(volume / RECORD, json.dumps(record))


def _put(source: Path, target: Path) -> None:
    """Write whole or not at all: nginx serves the folder meanwhile. A name with a hash is there already, or new."""
    if target.exists() and target.read_bytes() == source.read_bytes():
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    new = target.with_name(f".{target.name}.new")
    shutil.copyfile(source, new)
    new.chmod(READABLE)
    new.replace(target)
