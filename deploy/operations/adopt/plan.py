"""What adopt found, as the values of a parley.toml and as lines for people."""

import json
import re
from dataclasses import dataclass, field
from pathlib import Path

from deploy.model.hosts import DEFAULT_SITE, MOST_OF_A_SITE

# Names of packages that say nothing about a site.
GENERAL = {
    "config",
    "conf",
    "core",
    "settings",
    "project",
    "app",
    "apps",
    "backend",
    "src",
    "server",
    "django",
    "main",
    "web",
}
UPGRADE = "Parley serves Channels 3 and 4: upgrade the project first"
ROLLOUT = "a restart or a rollout closes every socket, and nobody can connect until the new process has started"


@dataclass
class Plan:
    """The values, and beside some of them why."""

    name: str
    top: Path
    manage: Path
    asgi: str
    settings: str
    settings_why: str
    paths: list[Path] = field(default_factory=list)
    requirements: Path | None = None
    sockets: list[str] = field(default_factory=list)
    streams: list[str] = field(default_factory=list)
    layer: str = ""
    layer_why: str = ""
    database: str = ""
    media: Path | None = None
    keep: list[str] = field(default_factory=list)
    env: list[tuple[str, str, str]] = field(default_factory=list)  # name, value, where it is read
    unknown: list[tuple[str, str]] = field(default_factory=list)  # name, where it is read
    processes: list[tuple[str, str, bool]] = field(default_factory=list)  # name, command, whether there is only one
    alone: list[str] = field(default_factory=list)  # why there is one instance


@dataclass
class Report:
    """The lines: what was found, what to know, and what is missing."""

    lines: list[tuple[str, str]] = field(default_factory=list)

    def found(self, text: str) -> None:
        """Say what stands in parley.toml."""
        self.lines.append(("found", text))

    def note(self, text: str) -> None:
        """Say what follows for the project."""
        self.lines.append(("note", text))

    def missing(self, text: str) -> None:
        """Say what could not be found, and what to do."""
        self.lines.append(("missing", text))

    def text(self) -> str:
        """Return the lines, those that ask for something last."""
        order = ("found", "note", "missing")
        lines = sorted(self.lines, key=lambda line: order.index(line[0]))
        return "".join(f"{word:<8} {text}\n" for word, text in lines)


def site_name(settings: str, top: Path) -> str:
    """Return a name for the site: the project's package, or where that says nothing its folder."""
    package = settings.partition(".")[0]
    for said in (top.name if package.lower() in GENERAL else package, top.name):
        name = re.sub(r"[^a-z0-9]+", "-", said.lower()).strip("-0123456789")[:MOST_OF_A_SITE].rstrip("-")
        if name and not name.startswith(DEFAULT_SITE):
            return name
    return "site"


def toml(plan: Plan, folder: Path) -> str:
    """Write the parley.toml that lies in this folder."""

    def path(of: Path) -> str:
        inside = folder == plan.top and (of == folder or folder in of.parents)
        return _text(str(of.relative_to(folder)) if inside else str(of))

    site = [f"name = {_text(plan.name)}"]
    why = [
        "# One, for this lives in a process, and a second one would have another:",
        *(f"#   {one}" for one in plan.alone),
    ]
    app = [*why, f"# With one, {ROLLOUT}.", "instances = 1"] if plan.alone else []
    project = [
        *([] if plan.manage == folder else [f"path = {path(plan.manage)}"]),
        *([f"paths = [{', '.join(map(path, plan.paths))}]"] if plan.paths else []),
        f"asgi = {_text(plan.asgi)}",
        f"requirements = [{path(plan.requirements) if plan.requirements else ''}]",
        f"sockets = {_list(plan.sockets)}",
        *([f"streams = {_list(plan.streams)}"] if plan.streams else []),
        *([f"layer = {_text(plan.layer)}  # {plan.layer_why}"] if plan.layer else []),
        *([f"database = {_text(plan.database)}"] if plan.database else []),
        *([f"media = {path(plan.media)}"] if plan.media else []),
    ]
    settings = [f"module = {_text(plan.settings)}  # {plan.settings_why}"]
    settings += [f"keep = {_list(plan.keep)}"] if plan.keep else []
    env = [f"{name} = {_text(value)}  # {where}" for name, value, where in plan.env]
    env += [f'# {name} = ""  # {where}: has no default' for name, where in plan.unknown]
    processes = [
        f"{name} = {{run = {_text(command)}{', single = true' if single else ''}}}"
        for name, command, single in plan.processes
    ]
    tables = {
        "site": site,
        "app": app,
        "project": project,
        "project.settings": settings,
        "project.env": env,
        "project.processes": processes,
    }
    head = "# Written by `./parley adopt`; docs/your-project.md has every key.\n"
    parts = (f"[{name}]\n" + "".join(f"{line}\n" for line in lines) for name, lines in tables.items() if lines)
    return "\n".join([head, *parts])


def _text(value: str) -> str:
    return json.dumps(value, ensure_ascii=False)


def _list(values: list[str]) -> str:
    return f"[{', '.join(map(_text, values))}]"
