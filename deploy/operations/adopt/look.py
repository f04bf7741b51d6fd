"""A look at a project from inside, in a process of its own with a time limit."""

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from deploy.effects import commands
from deploy.errors import StackError
from deploy.operations.adopt import inside
from deploy.operations.adopt.prefixes import of_regex, of_route

SECONDS = 60.0  # to import it: the slowest that was met took 9 s on a cold disk
KEPT = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR")  # of our environment: adopt tells the project nothing else
NAMES = ("STATIC_URL", "STATIC_ROOT", "MEDIA_URL", "MEDIA_ROOT", "ASGI_APPLICATION", "ROOT_URLCONF")
OPTIONS = ("-I", "-B", "-X", "utf8")  # neither our environment nor our folder, no __pycache__, texts as UTF-8
OWN = (".venv/bin/python", "venv/bin/python", "env/bin/python")


@dataclass(frozen=True)
class Seen:
    """What the project said; `error` where it could not be imported, or not to the end."""

    python: Path
    error: str = ""
    settings: Mapping[str, str | None] = field(default_factory=dict)
    database: Mapping[str, str] = field(default_factory=dict)
    sockets: tuple[str, ...] | None = None  # fixed beginnings; None: not known
    channels: str = ""


def interpreter(given: Path | None, *folders: Path) -> Path | None:
    """Return the Python that was named, else the one of an environment in one of these folders."""
    if given is not None:
        return Path(os.path.abspath(given))  # noqa: PTH100 (a link is what makes an environment's Python one)
    own = (folder / name for folder in folders for name in OWN)
    return next((file for file in own if os.access(file, os.X_OK)), None)


def look(python: Path, top: Path, path: Sequence[Path], *, settings: str, asgi: str, values: Mapping[str, str]) -> Seen:
    """Import the settings and the application, with these values in the environment."""
    asked = {
        "folder": str(top),
        "path": [str(one) for one in path],
        "settings": settings,
        "asgi": asgi,
        "names": NAMES,
    }
    kept = {name: os.environ[name] for name in KEPT if name in os.environ}
    env = {**kept, **values}
    command = [str(python), *OPTIONS, str(Path(inside.__file__)), json.dumps(asked)]
    try:
        done = commands.limited(command, env=env, cwd=path[0], seconds=SECONDS)
    except StackError as error:
        return Seen(python, error=str(error))
    if done is None:
        return Seen(python, error=f"it did not import within {SECONDS:g} s")
    try:
        found = json.loads(done)
    except ValueError:
        return Seen(python, error="its process ended before it was imported")
    return _seen(python, found)


def _seen(python: Path, found: Mapping[str, Any]) -> Seen:
    sockets = found.get("sockets")
    return Seen(
        python,
        error=found.get("error", ""),
        settings=found.get("settings", {}),
        database=found.get("database", {}),
        sockets=None if sockets is None else tuple(_begin(chain) for chain in sockets),
        channels=found.get("channels", ""),
    )


def _begin(chain: Sequence[tuple[str, str]]) -> str:
    """Join the patterns that lead to a consumer, as far as they are fixed."""
    begin = ""
    for kind, said in chain:
        more, is_whole = (of_route if kind == "path" else of_regex)(said)
        begin += more
        if not is_whole:
            break
    return begin
