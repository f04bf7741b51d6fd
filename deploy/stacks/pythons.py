"""The Pythons of this machine that a project may run with, the newest first."""

import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from deploy.effects import commands
from deploy.errors import BadInputError

VERSIONS = ("3.14", "3.13", "3.12", "3.11")
# With the program below: of an environment that is active, and of a shim, it is the same one.
ASK = "import sys; print('.'.join(map(str, sys.version_info[:3])), sys._base_executable)"
CLAUSE = re.compile(r"(>=|<=|==|!=|~=|>|<)\s*([0-9]+(?:\.[0-9]+)*)(\.\*)?")


@dataclass(frozen=True)
class Python:
    """One that runs."""

    path: Path
    version: str  # 3.11.7

    @property
    def minor(self) -> str:
        """The version as people say it: 3.11."""
        return ".".join(self.version.split(".")[:2])


HOMES = (Path("/root"), Path("/home"))  # which a service cannot look into


def found(wanted: str, allowed: str, folders: Sequence[str] = ()) -> list[Python]:
    """Return those that [project].python and requires-python allow; raise BadInputError where there is none.

    `folders` are where they are looked for, if that is not PATH: then none of them is in somebody's home.
    """
    every = sorted(_in(folders or os.get_exec_path()), key=lambda one: _numbers(one.version), reverse=True)
    if folders:
        every = [one for one in every if not any(one.path.is_relative_to(home) for home in HOMES)]
    fitting = [one for one in every if wanted in {"", one.minor} and allows(allowed, one.version)]
    if not fitting:
        asked = f"Python {wanted}" if wanted else f"Python {allowed or '3.11 or newer'}"
        there = ", ".join(one.minor for one in every) or "none"
        raise BadInputError(f"the project needs {asked}; {'this host has' if folders else 'on PATH there is'}: {there}")
    return fitting


def _in(folders: Sequence[str]) -> Iterator[Python]:
    """Try them as the launcher does: what is there and does not run is passed over."""
    seen: set[str] = set()
    for name in (*(f"python{version}" for version in VERSIONS), "python3", "python"):
        for folder in folders:
            path = Path(folder, name)
            if not os.access(path, os.X_OK):
                continue
            try:
                said = commands.run([str(path), "-I", "-c", ASK])
            except OSError:
                continue
            version, _, below = said.output.strip().partition(" ")
            minor = ".".join(version.split(".")[:2])
            if said.status == 0 and minor in VERSIONS and minor not in seen:
                seen.add(minor)
                yield Python(Path(below or path).resolve(), version)
                break


def allows(text: str, version: str) -> bool:
    """Tell whether requires-python allows a version; what it says in another way is left to pip."""
    numbers = _numbers(version)
    return all(_holds(sign, _numbers(than), numbers, is_prefix=bool(star)) for sign, than, star in CLAUSE.findall(text))


def _numbers(text: str) -> tuple[int, ...]:
    return tuple(int(one) for one in text.split("."))


def _holds(sign: str, than: tuple[int, ...], version: tuple[int, ...], *, is_prefix: bool) -> bool:
    same = version[: len(than)] == than if is_prefix or sign == "~=" else version == than + (0,) * (3 - len(than))
    padded = than + (0,) * (3 - len(than))
    return {
        ">=": version >= padded,
        "<=": version <= padded,
        ">": version > padded,
        "<": version < padded,
        "==": same,
        "!=": not same,
        "~=": version >= padded and version[: len(than) - 1] == than[:-1],
    }[sign]
