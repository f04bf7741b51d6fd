"""How the processes of the project are started: in which environment, where, and with what beside the environment of
every project. The checkout's own runs in the environment that the launcher made, and wraps its application itself."""

import json
import os
import sys
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Self

from deploy.effects import files
from deploy.errors import BadInputError
from deploy.model.config import FILE, ROOT, Config
from deploy.model.paths import Paths
from deploy.model.sockets import prefix
from deploy.stacks.local.layout import Layout
from deploy.text import run
from deploy.text.django import MOVE, SETTINGS

SERVING = ROOT / "app" / "parley_serving"


@dataclass(frozen=True)
class Facts:
    """What a project says of itself (app/parley_serving/project/facts.py), and what became of its static files."""

    static_url: str = "/static/"
    media_url: str = ""
    media_root: str = ""
    has_static: bool = True
    is_hashed: bool = False  # whether they are collected under hashed names

    @classmethod
    def of(cls, said: Mapping[str, Any]) -> Self:
        """Take those that are known."""
        return cls(**{name: said[name] for name in cls.__dataclass_fields__ if name in said})


@dataclass(frozen=True)
class Application:
    """One project on this machine."""

    is_own: bool
    python: Path
    folder: Path  # the working directory of all its processes
    server: tuple[str, ...]  # after `python`: gunicorn, up to its application
    manage: tuple[str, ...]  # after `python`: before a command of manage.py
    move: tuple[str, ...] = ()  # after `python`: what brings rows of a file into its database
    variables: Mapping[str, str] = field(default_factory=dict)  # that its Python needs
    paths: Paths = field(default_factory=Paths)
    media: str = ""  # the folder of uploaded files, for nginx; empty: it serves none
    is_hashed: bool = False  # whether the static files have hashed names
    prefix: tuple[str, ...] = ()  # what starts its Python as another user

    def command(self, *words: str) -> tuple[str, ...]:
        """Return a command of its manage.py."""
        return self.program(*self.manage, *words)

    def program(self, *words: str) -> tuple[str, ...]:
        """Return a command of its Python."""
        return (*self.prefix, str(self.python), *words)


def own(config: Config) -> Application:
    """Return the checkout's own, in the environment that runs this."""
    return Application(
        is_own=True,
        python=Path(sys.executable),
        folder=config.folder / config.project.path,
        server=("-m", "gunicorn", "-c", "gunicorn.conf.py", config.project.asgi),
        manage=("manage.py",),
        move=(*MOVE, SETTINGS),
        paths=Paths(config.project.sockets, config.project.streams),
    )


def of(config: Config, layout: Layout, python: Path | None = None, facts: Facts | None = None) -> Application:
    """Return a project, by its environment's Python and by what it said of itself the last time."""
    if config.is_own:
        return own(config)
    folder = config.folder / config.project.path
    more = [str(config.folder / path) for path in config.project.paths]
    found = facts or last(layout) or Facts()
    served = paths(config, found)
    return Application(
        is_own=False,
        python=python or layout.python,
        folder=folder,
        server=("-m", "gunicorn", "-c", "python:parley_serving.server", "parley_serving.asgi:application"),
        manage=("-m", "parley_serving", "manage.py"),
        move=("-m", "parley_serving", *MOVE),
        variables={
            "PYTHONPATH": ":".join([str(layout.serving), str(folder), *more]),
            "PYTHONPYCACHEPREFIX": str(layout.pycache),  # nothing is written beside the project's files
        },
        paths=served,
        media=str(folder / media(layout, found)) if config.project.has_uploads else "",
        is_hashed=found.is_hashed,
    )


def media(layout: Layout, facts: Facts) -> Path:
    """Return the folder of uploaded files, from that of manage.py: the project's own settings say where it is."""
    return Path(facts.media_root) if facts.media_root else layout.media


def require_paths(*folders: Path) -> None:
    """Raise BadInputError for a folder that cannot be one of Python's."""
    for folder in folders:
        if os.pathsep in str(folder):
            raise BadInputError(f"{folder} holds '{os.pathsep}', which Python takes for the end of a folder")


def require(config: Config, *more: Path) -> None:
    """Raise BadInputError for what no project can do without, before anything is made; `more` are folders of ours."""
    file = config.folder / FILE.name
    folder = config.folder / config.project.path
    require_paths(folder, *(config.folder / path for path in config.project.paths), *more)
    if not (folder / "manage.py").is_file():
        raise BadInputError(f"{file}: project.path: {folder} has no manage.py")
    for path in config.project.paths:
        if not (config.folder / path).is_dir():
            raise BadInputError(f"{file}: project.paths: {config.folder / path} is not a folder")
    for _ in run.beside(config):
        pass  # it raises for what no shell would read


def link(layout: Layout) -> None:
    """Make the folder that has parley_serving alone: a project may have a `chat` or a `config` of its own."""
    files.make_folder(layout.serving)
    files.link(layout.serving / SERVING.name, SERVING)


def last(layout: Layout) -> Facts | None:
    """Return what was said the last time; None: nobody has looked yet."""
    try:
        return Facts.of(json.loads(layout.facts.read_text(encoding="utf-8")))
    except (OSError, ValueError):
        return None


def remember(layout: Layout, facts: Facts) -> None:
    """Write it down, for whoever renders or runs something beside the stack."""
    files.write(layout.facts, json.dumps(asdict(facts)))


def hashed(facts: Facts, *, is_hashed: bool) -> Facts:
    """Return them with what became of the static files."""
    return replace(facts, is_hashed=is_hashed)


def paths(config: Config, facts: Facts) -> Paths:
    """Return where a project's sockets, streams and files lie."""
    return Paths(config.project.sockets, config.project.streams, _static(facts), _media(config, facts))


def unserved(config: Config, facts: Facts | None) -> Iterator[str]:
    """Say which files nginx does not serve, or perhaps elsewhere than the project has them."""
    if facts is None:
        media = ", and uploaded files have no place" if config.project.has_uploads else ""
        yield f"the project was not looked at yet, so STATIC_URL and MEDIA_URL are not known: /static/ is taken{media}"
    elif config.project.has_uploads and not _media(config, facts):
        yield f"uploaded files: nginx serves them to nobody by their address, for MEDIA_URL is {facts.media_url!r}"


def _static(facts: Facts) -> str:
    """Return where nginx serves static files: nowhere, where another host does, or the project has none."""
    return _url("STATIC_URL", facts.static_url) if facts.has_static else ""


def _media(config: Config, facts: Facts) -> str:
    return _url("MEDIA_URL", facts.media_url) if config.project.has_uploads else ""


def _url(setting: str, url: str) -> str:
    if url in {"", "/"} or "://" in url or url.startswith("//"):
        return ""
    try:
        return prefix(url if url.startswith("/") else f"/{url}")
    except ValueError as error:
        raise BadInputError(f"{setting} of the project's settings: {error}") from None
