"""What is read off a command line."""

from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from deploy.config import load


def is_text(word: str) -> bool:
    """Tell whether a word of the command line, or a path, was UTF-8."""
    try:
        word.encode()
    except UnicodeEncodeError:
        return False
    return True


def _path(typed: str) -> Path:
    if not is_text(typed):
        raise typer.BadParameter(f"{typed!r} is not UTF-8")
    try:
        return Path(typed).expanduser()
    except RuntimeError:  # ~nobody
        raise typer.BadParameter(f"{typed!r}: nobody here has such a home") from None


def _folder(typed: str) -> Path:
    if not typed:
        raise typer.BadParameter("the name of a folder is empty")  # and not the current one, which nobody meant
    return _path(typed)


FOLDER: dict[str, Any] = {"parser": _folder, "metavar": "FOLDER"}  # for typer.Option
FILE: dict[str, Any] = {"parser": _path, "metavar": "FILE"}
DAY = 86_400.0  # the longest time that an option takes: `inf` would never end

# Said once in the environment, for a shell that works on one stack: docs/runbooks.
STACK: dict[str, Any] = {"envvar": "PARLEY_STACK", "help": "The stack on this machine."}
Dir = Annotated[
    Path | None,
    typer.Option(envvar="PARLEY_DIR", help="The folder of the local stack.", **FOLDER, show_default=".parley"),
]
StackName = Annotated[Literal["local", "compose", "systemd"], typer.Option("--stack", **STACK)]
InstalledName = Annotated[Literal["compose", "systemd"], typer.Option("--stack", **STACK)]


def overrides(hosts: list[str], port: int | None, instances: int | None) -> dict[str, dict[str, Any]]:
    """Put options in the place of parley.toml's keys; hosts are added to its own by config.load."""
    given: dict[str, dict[str, Any]] = {"site": {}, "app": {}}
    if hosts:
        given["site"]["hosts"] = [*load().site.hosts, *hosts]
    if port is not None:
        given["site"]["port"] = port
    if instances is not None:
        given["app"]["instances"] = instances
    return given
