"""The requirements of a project: which file has them, and which Channels they ask for."""

import re
from collections.abc import Iterator
from pathlib import Path

from deploy.errors import BadInputError
from deploy.model import reading
from deploy.stacks import requirement_lines

# The first that is there, in the folder of manage.py and in those above it, up to the project's.
FILES = (
    *("requirements/production.txt", "requirements/prod.txt", "requirements/live.txt"),
    *("requirements-production.txt", "requirements-prod.txt", "requirements_prod.txt", "requirements.prod.txt"),
    *("requirements.txt", "requirements/base.txt", "requirements/requirements.txt", "requirements/common.txt"),
    *("pyproject.toml", "requirements/main.txt", "reqs.txt"),
)
OTHERS = ("Pipfile", "environment.yml", "setup.py")  # that pip does not read as requirements
CHANNELS = re.compile(r"^channels\s*(\[[^]]*\])?\s*\(?\s*(?P<pin>[=<>~!^].*)?$", re.IGNORECASE)
OLD = re.compile(r"(===?|~=|\^)\s*v?[12](\.|\s|,|;|$)|<=?\s*2(\.|\s|,|;|$)|<\s*3(\.0)*\s*($|,|;)")
DEEPEST = 10  # files that name files


def requirements(folder: Path, top: Path) -> Path | None:
    """Return the file that pip reads, or None."""
    for place in _up(folder, top):
        for name in FILES:
            file = place / name
            if file.is_file() and (file.suffix != ".toml" or _dependencies(file) is not None):
                return file
    return None


def others(folder: Path, top: Path) -> list[Path]:
    """Return files that name requirements in another way."""
    return [place / name for place in _up(folder, top) for name in OTHERS if (place / name).is_file()]


def old_channels(file: Path) -> str | None:
    """Return where Channels 1 or 2 is asked for, with the words that do."""
    for where, line in _lines(file, 0):
        found = CHANNELS.match(line)
        if found and found["pin"] and OLD.search(found["pin"]):
            return f"{where}: {line}"
    return None


def names(file: Path | None) -> set[str]:
    """Return the names of the packages that are asked for, in lower case with dashes."""
    lines = [line for _, line in _lines(file, 0)] if file else []
    return {re.split(r"[^\w.-]", line, maxsplit=1)[0].lower().replace("_", "-") for line in lines}


def _up(folder: Path, top: Path) -> Iterator[Path]:
    yield folder
    while folder != top and top in folder.parents:
        folder = folder.parent
        yield folder


def _lines(file: Path, depth: int) -> Iterator[tuple[str, str]]:
    """Give each requirement with its place, also those of files that are named in it."""
    if file.suffix == ".toml":
        yield from ((file.name, one) for one in _dependencies(file) or [])
        return
    for line in requirement_lines.lines(file):
        if line.nested is None:
            yield f"{file.name}:{line.number}", line.text
        elif depth < DEEPEST and line.nested[0].is_file():
            yield from _lines(line.nested[0], depth + 1)


def _dependencies(file: Path) -> list[str] | None:
    """Return what a pyproject.toml asks for, None where it is not about packages."""
    try:
        data = reading.toml(file)
    except BadInputError:
        return None
    project = data.get("project", {})
    if isinstance(project, dict) and isinstance(project.get("dependencies"), list):
        return [str(one) for one in project["dependencies"]]
    poetry = data.get("tool", {}).get("poetry", {}).get("dependencies")
    return [f"{name}{one if isinstance(one, str) else ''}" for name, one in poetry.items()] if poetry else None
