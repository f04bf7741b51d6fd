"""Rendered text → the numbers that stand in it, as nginx, Compose and systemd will read them.

Nothing here looks at Config: consistency.py compares what is found in one tier with what is found in another.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import yaml

PREFIX = "PARLEY_"
DEFAULT = re.compile(r"\$\{\w+:-([^}]*)\}")  # what Compose takes where .env says nothing
INCLUDE = re.compile(r"^[ \t]*include ([\w.-]+);", re.MULTILINE)
LOCATION = re.compile(r"location ([^{]+?) \{((?:[^{}]|\{[^{}]*\})*)\}")  # with the `if` that one may hold
WORD = re.compile(r'"([^"]*)"|(\S+)')  # render.quoted() lets no quote or backslash in
OVERWRITTEN = "proxy_set_header X-Forwarded-For $remote_addr;"


@dataclass(frozen=True)
class AppFacts:
    """What an instance is started with, and what whoever starts it allows it."""

    environment: Mapping[str, str]
    kill_seconds: int
    open_files: int

    def number(self, name: str) -> int:
        """Return one variable's number."""
        return int(self.environment[PREFIX + name])


@dataclass(frozen=True)
class NginxFacts:
    """What nginx's configuration says, with its includes in place."""

    text: str

    @classmethod
    def of(cls, files: Mapping[str, str]) -> "NginxFacts":
        """Read {file name: text} from nginx.conf on."""
        return cls(_expanded("nginx.conf", files))

    def number(self, directive: str, within: str | None = None) -> int:
        """Return a directive's number, seconds included; it must stand once (in a location, if one is named)."""
        found = re.findall(
            rf"^\s*{directive} (\d+)s?;", self.text if within is None else self.location(within), re.MULTILINE
        )
        if len(found) != 1:
            raise LookupError(f"{directive} stands {len(found)} times")
        return int(found[0])

    def location(self, name: str) -> str:
        """Return what stands in a location, which is the same in each server that has it."""
        [body] = {body for found, body in LOCATION.findall(self.text) if found == name}
        return str(body)

    @property
    def servers(self) -> list[list[str]]:
        """The upstream's servers, the words of each: its address, then what it is told."""
        return [words(line) for line in re.findall(r"^\s*server ([^{;]+);$", self.text, re.MULTILINE)]

    @property
    def forgeable(self) -> list[str]:
        """The locations that would hand on an X-Forwarded-For as the client wrote it."""
        return [name for name, body in LOCATION.findall(self.text) if "proxy_pass" in body and OVERWRITTEN not in body]


@dataclass(frozen=True)
class Facts:
    """One stack's tiers."""

    app: AppFacts
    nginx: NginxFacts


def compose(text: str, written: Mapping[str, str], service: str = "web") -> AppFacts:
    """Read a service as it is without a .env; `written` has what it reads from files, by variable."""
    project = _defaults(yaml.safe_load(text)["name"])  # Compose's own variable has it
    found: dict[str, Any] = yaml.safe_load(text.replace("${COMPOSE_PROJECT_NAME}", project))["services"][service]
    given = {name: _defaults(str(value)) for name, value in found["environment"].items()}
    return AppFacts(
        environment={**given, **written},
        kill_seconds=int(found["stop_grace_period"].removesuffix("s")),
        open_files=int(_defaults(str(found["ulimits"]["nofile"]))),
    )


def unit(text: str, environment: str) -> AppFacts:
    """Read an instance's unit, and the text of the EnvironmentFile that it names."""
    return AppFacts(
        environment=variables(environment),
        kill_seconds=int(setting(text, "TimeoutStopSec").removesuffix("s")),
        open_files=int(setting(text, "LimitNOFILE")),
    )


def variables(text: str) -> dict[str, str]:
    """Read an EnvironmentFile."""
    lines = (line.partition("=") for line in text.splitlines() if line and not line.startswith("#"))
    return {name: _unquoted(value) for name, _, value in lines}


def setting(text: str, name: str) -> str:
    """Return a unit's setting; it must stand once."""
    found = re.findall(rf"^{name}=(.*)$", text, re.MULTILINE)
    if len(found) != 1:
        raise LookupError(f"{name} stands {len(found)} times")
    return str(found[0])


def words(line: str) -> list[str]:
    """Split what stands in a line of nginx as nginx does: between quotes a space ends no word."""
    return [quoted or plain for quoted, plain in WORD.findall(line)]


def _expanded(name: str, files: Mapping[str, str]) -> str:
    return INCLUDE.sub(lambda found: _expanded(found[1], files), files[name])


def _defaults(text: str) -> str:
    return DEFAULT.sub(lambda found: found[1], text).replace("$$", "$")


def _unquoted(value: str) -> str:
    """Read a value of an EnvironmentFile: between quotes a backslash stands before what would end or change them."""
    if len(value) < 2 or not value[0] == value[-1] == '"':
        return value
    return re.sub(r"\\(.)", r"\1", value[1:-1])
