"""What a project asks pip for, as one text: requirements files and what they name, or a pyproject.toml and its lock.

pip reads the text from the folder of the project's parley.toml. Parley's own packages have no version in it: theirs
are put on top (stacks/packages.py).
"""

import hashlib
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from deploy.errors import BadInputError
from deploy.model import reading
from deploy.model.config import FILE, ROOT, Config
from deploy.stacks import poetry, private, requirement_lines, shipped

SERVING = ROOT / "requirements" / "serving.in"
LOCK = SERVING.with_suffix(".txt")
USUAL = ("requirements.txt", "pyproject.toml")  # where a project lists its packages, unless it says so
# Of a project that lists none: what Channels' tutorial has, in the versions that the reference chat has.
WITHOUT_ANY = ("django~=5.2.0", "channels~=4.3.2", "channels-redis~=4.3.0")
BUILT = {"__pycache__", "build", "node_modules"}
ELSEWHERE = {"vcs", "directory", "archive"}  # where a package of pylock.toml may be from, beside an index
MOST_FILES = 100  # a chain that names itself ends here

NAME = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?")
WITHOUT_VERSION = re.compile(r"([A-Za-z0-9._-]+\s*(?:\[[^\]]*\])?)[^;]*(;.*)?", re.DOTALL)
LOCAL = re.compile(r"(?:(?:-e|--editable)(?:\s*=\s*|\s+))?((?:\.|/|[\w.-]+/)[^\[;@]*?)(\[[^\]]*\])?\s*(;.*)?")
HASH = "--hash="
# A package as pip's errors name it.
PACKAGE = re.compile(
    r"(?:found for|the requirement|Cannot install|Failed to build|wheel for|projects \() ?'?([A-Za-z0-9][\w.-]*)"
)


@dataclass
class Requirements:
    """The lines, for pip; `replaced` are those of Parley's own packages, as they were written."""

    lines: list[str] = field(default_factory=list)
    constraints: list[str] = field(default_factory=list)
    replaced: list[str] = field(default_factory=list)
    folders: list[Path] = field(default_factory=list)  # that pip would build in: `{folder:N}` in a line
    python: str = ""  # requires-python
    places: list[str] = field(default_factory=list)  # where the project has each of the lines, as `file:line`
    constraint_places: list[str] = field(default_factory=list)

    @property
    def is_hashed(self) -> bool:
        """Whether it is a whole lock: pip then takes nothing that it does not list."""
        return any(HASH in line for line in self.lines)

    def ask(self, line: str, place: str) -> None:
        """Take one line, and where the project has it."""
        self.lines.append(line)
        self.places.append(place)

    def constrain(self, line: str, place: str) -> None:
        """Take one constraint, and where the project has it."""
        self.constraints.append(line)
        self.constraint_places.append(place)

    def told(self, said: str, lines: str, constraints: str) -> str:
        """Write what pip said of its two files with the project's own files and lines in their place."""
        for file, places in ((lines, self.places), (constraints, self.constraint_places)):
            name = re.escape(file)
            pattern = rf"line (?P<of>\d+) of {name}|-[rc] {name} \(line (?P<in>\d+)\)"

            def place(found: re.Match[str], places: Sequence[str] = places) -> str:
                number = int(found["of"] or found["in"])
                return places[number - 1] if 0 < number <= len(places) else found[0]

            said = re.sub(pattern, place, said)
        return said if "\n" in said or any(place in said for place in self.places) else self._with_place(said)

    def _with_place(self, said: str) -> str:
        """Add where the project asks for the first package that pip names: of one that is nowhere, it gives no line."""
        asked = {named(line): place for line, place in zip(self.lines, self.places, strict=True) if named(line)}
        found = next((asked[name] for name in map(normal, PACKAGE.findall(said)) if name in asked), "")
        return f"{said} ({found})" if found else said

    def digest(self) -> str:
        """Digest all that decides what is installed."""
        digest = hashlib.sha256("\n".join([self.python, *self.lines, "", *self.constraints]).encode())
        for folder in self.folders:
            for path in copied(folder):
                digest.update(f"{path}\0".encode(errors="surrogateescape") + path.read_bytes())
        return digest.hexdigest()


def normal(name: str) -> str:
    """Write a package's name as the index does."""
    return re.sub(r"[-_.]+", "-", name).lower()


def named(line: str) -> str:
    """Return the package that a line names, or an empty text."""
    found = NAME.match(line)
    return normal(found[0]) if found else ""


def _lines_of(path: Path) -> list[str]:
    return [line.removesuffix(" \\") for line in path.read_text(encoding="utf-8").splitlines() if line[:1].isalpha()]


OURS = {named(line) for line in _lines_of(SERVING)}


def serving() -> list[str]:
    """Return Parley's own packages in the lock's versions; what they need besides may be the project's."""
    return [line for line in _lines_of(LOCK) if named(line) in OURS]


def read(config: Config) -> Requirements:
    """Read what [project].requirements names; raise BadInputError for what is not there or cannot be read."""
    found = Requirements()
    names = config.project.requirements
    if "requirements" not in config.project.model_fields_set:
        names = tuple(name for name in USUAL if (config.folder / name).exists())[:1]
    for name in names:
        path = config.folder / name
        if not path.is_file():
            raise BadInputError(f"{config.folder / FILE.name}: project.requirements: {path} is not there")
        if path.name == "pyproject.toml":
            _pyproject(path, found)
        else:
            _file(path, found, config.folder, is_constraint=False, seen=0)
    if not names:
        for line in WITHOUT_ANY:
            found.ask(line, "what Parley adds for a project without requirements")
    return found


def copied(folder: Path) -> list[Path]:
    """Return what pip builds a folder of the project from: what git tracks of it, and what else is no secret."""
    tracked = _tracked(folder)
    return sorted(tracked | {path for path in _walked(folder) if not _stays(path)})


def said(asked: Requirements) -> Iterator[str]:
    """Say what of such folders does not come along, and what does only because git tracks it."""
    for folder in dict.fromkeys(asked.folders):
        tracked = _tracked(folder)
        if left := [path for path in _walked(folder) if path not in tracked and _stays(path)]:
            names = ", ".join(str(path.relative_to(folder)) for path in left)
            yield f"{folder}: private or a database, so pip builds it without: {names}"
        if names := private.listed(sorted(tracked), folder):
            yield f"{folder}: private, and pip builds it with this, because git tracks it: {names}"


def _tracked(folder: Path) -> set[Path]:
    known = shipped.tracked(folder)
    return set(known[0]) if known else set()


def _stays(path: Path) -> bool:
    """Tell whether a file is left out unless git tracks it."""
    return ".sqlite" in path.name or private.is_private(path)


def _walked(folder: Path) -> Iterator[Path]:
    """Give a folder's regular files, without what a build or a version control leaves there."""
    for above, folders, names in os.walk(folder):
        here = Path(above)
        folders[:] = sorted(
            name
            for name in folders
            if not name.startswith(".") and name not in BUILT and not (here / name / "pyvenv.cfg").exists()
        )
        paths = (here / name for name in sorted(names) if not name.endswith(".pyc"))
        yield from (path for path in paths if path.is_file())


def _file(path: Path, found: Requirements, base: Path, *, is_constraint: bool, seen: int) -> None:
    """Take a file's lines, and those of the files that it names."""
    if seen > MOST_FILES:
        raise BadInputError(f"{path}: names itself by -r or -c")
    for line in requirement_lines.lines(path):
        place = f"{_short(path, base)}:{line.number}"
        if line.nested:
            below, constrains = line.nested
            if not below.is_file():
                raise BadInputError(f"{path}:{line.number}: {below} is not there")
            _file(below, found, base, is_constraint=is_constraint or constrains, seen=seen + 1)
        elif not is_constraint:
            _take(line.text, found, (base, path.parent), place)
        elif named(line.text) not in OURS:
            found.constrain(line.text, place)


def _short(path: Path, base: Path) -> str:
    """Write a path as the project's people do: from its folder."""
    whole = Path(os.path.normpath(path))
    return str(whole.relative_to(base) if whole.is_relative_to(base) else whole)


def _take(line: str, found: Requirements, bases: tuple[Path, ...], place: str) -> None:
    """Take one requirement: ours without its version, a folder as a copy of it, anything else as it is."""
    if named(line) in OURS:
        found.replaced.append(line.partition(HASH)[0].strip(" \\"))
        without = WITHOUT_VERSION.fullmatch(line.partition(HASH)[0])
        if HASH not in line and without:
            found.ask(f"{without[1].strip()}{without[2] or ''}", place)
        return
    local = LOCAL.fullmatch(line)
    folder = _folder(local[1].strip(), bases) if local else None
    if local and folder:
        found.ask(f"{{folder:{len(found.folders)}}}{local[2] or ''}{local[3] or ''}", place)
        found.folders.append(folder)
    else:
        found.ask(line, place)


def _folder(text: str, bases: tuple[Path, ...]) -> Path | None:
    """Find the folder that a requirement names, if it names one."""
    return next((folder.resolve() for base in bases if (folder := base / text).is_dir()), None)


def _pyproject(path: Path, found: Requirements) -> None:
    """Take the dependencies of a pyproject.toml, in the versions of the lock beside it."""
    tables = reading.toml(path)
    project = tables.get("project", {})
    if "dependencies" in project.get("dynamic", []):
        raise BadInputError(f"{path}: its dependencies are dynamic: name a requirements file in project.requirements")
    lines = list(project.get("dependencies", []))
    found.python = project.get("requires-python", "")
    if tool := tables.get("tool", {}).get("poetry", {}).get("dependencies"):
        python, more = poetry.read(tool)
        found.python = found.python or python
        lines += more
    for line in lines:
        _take(str(line), found, (path.parent,), path.name)
    for name, version in _locked(path.parent):
        found.constrain(version, name)


def _locked(folder: Path) -> list[tuple[str, str]]:
    """Return a lock's name and its versions, of the packages that it has in one version from an index."""
    for name, key in (("uv.lock", "package"), ("poetry.lock", "package"), ("pylock.toml", "packages")):
        if (folder / name).exists():
            return [(name, one) for one in _versions(reading.toml(folder / name).get(key, []))]
    return []


def _versions(packages: list[Mapping[str, Any]]) -> list[str]:
    versions: dict[str, set[str]] = {}
    for one in packages:
        source = one.get("source", {})
        from_index = not source or "registry" in source or source.get("type") == "legacy"
        if "version" in one and from_index and not ELSEWHERE & one.keys():
            versions.setdefault(normal(one["name"]), set()).add(one["version"])
    return [f"{name}=={only}" for name, (only, *more) in versions.items() if not more and name not in OURS]
