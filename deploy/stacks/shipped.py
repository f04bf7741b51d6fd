"""Which files of a project's folder are in its image: what git tracks, or without git all but a few kinds."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from deploy.effects import commands
from deploy.errors import StackError
from deploy.stacks import private

# The owner of a checkout may be another user than who deploys it, and nothing is written, not even an index.
GIT = ("git", "-c", "safe.directory=*", "--no-optional-locks")
LEFT_OUT = (
    ".git, .env*, private keys, *.sqlite* (and its -wal and -shm), media, node_modules,"
    " environments of Python, __pycache__"
)
FOLDERS = {".git", "media", "node_modules", "__pycache__"}
TOML = "parley.toml"  # the image does not need it
SHOWN = 10  # names in a line
ENVIRONMENT = "pyvenv.cfg"  # what every environment of Python has


class Tracked(NamedTuple):
    """What git knows of a folder."""

    paths: list[Path]
    changed: list[str]  # names of those that differ from what is committed
    unknown: list[str]  # names of files that git neither tracks nor ignores; with a / at the end another repository


def tracked(root: Path) -> Tracked | None:
    """Ask git; None without it, and where it tracks nothing."""
    try:
        listed = commands.output([*GIT, "ls-files", "-z", "--cached", "--recurse-submodules"], cwd=root)
        changed = commands.output(
            [*GIT, "status", "--porcelain", "-z", "--no-renames", "--untracked-files=no", "."], cwd=root
        )
        unknown = commands.output([*GIT, "ls-files", "-z", "--others", "--exclude-standard"], cwd=root)
    except StackError:
        return None
    found = [root / name for name in listed.split("\0") if name]
    there = [path for path in found if path.is_file()]
    if not there:
        return None
    return Tracked(
        sorted(there),
        [one[3:] for one in changed.split("\0") if one],
        sorted(name for name in unknown.split("\0") if name and Path(name).name != TOML),
    )


def walked(root: Path, media: Path | None = None) -> Iterator[Path]:
    """Give a folder's files but those of LEFT_OUT, and those that people uploaded on this machine.

    The private ones among them are told apart by `private`.
    """
    for above, folders, names in os.walk(root):
        folders[:] = sorted(
            name
            for name in folders
            if not (name in FOLDERS or private.is_folder(name))
            and Path(above, name) != media
            and not Path(above, name, ENVIRONMENT).exists()
        )
        for name in sorted(names):
            path = Path(above, name)
            if path.is_file() and ".sqlite" not in name and path.suffix != ".pyc":
                yield path


def found(root: Path, media: Path | None = None) -> tuple[list[Path], list[str]]:
    """Return a project's files, and lines that say how they were chosen."""
    known = tracked(root)
    if known is None:
        there = list(walked(root, media))
        uploads = f", {media.relative_to(root)}" if media and media.is_relative_to(root) else ""
        lines = [f"{root}: git tracks nothing here: all files but {LEFT_OUT}{uploads}"]
        if names := private.listed(there, root):
            lines.append(f"{root}: private, so not in the image: {names}")
        return [path for path in there if not private.is_private(path)], lines
    lines = [f"{root}: as they are, not as committed: {', '.join(sorted(known.changed))}"] if known.changed else []
    fitting = set(walked(root, media)) if known.unknown else set()
    if unknown := [
        name
        for name in known.unknown
        if name.endswith("/") or (root / name in fitting and not private.is_private(root / name))
    ]:
        more = f" and {len(unknown) - SHOWN} more" if len(unknown) > SHOWN else ""
        names = f"{', '.join(unknown[:SHOWN])}{more}"
        lines.append(f"{root}: not in the image, because git does not track it (`git add` changes that): {names}")
    if names := private.listed(known.paths, root):
        lines.append(f"{root}: private, and in the image, because git tracks it: {names}")
    return known.paths, lines
