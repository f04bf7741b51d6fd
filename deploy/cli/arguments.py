"""What is read off a command line."""

from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from deploy.effects.files import is_text
from deploy.model.config import load


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
    typer.Option(
        envvar="PARLEY_DIR",
        help="The folder of the local stack.",
        **FOLDER,
        show_default=".parley, for a project .parley/NAME",
    ),
]
Project = Annotated[
    Path | None,
    typer.Option(
        envvar="PARLEY_PROJECT",
        help="The folder of a Django project with a parley.toml.",
        **FOLDER,
        show_default="the reference chat",
    ),
]
StackName = Annotated[Literal["local", "compose", "systemd"], typer.Option("--stack", **STACK)]
InstalledName = Annotated[Literal["compose", "systemd"], typer.Option("--stack", **STACK)]
Port = Annotated[int | None, typer.Option(min=1, max=65_535, help="The HTTPS port.", show_default="parley.toml: 8443")]
Hosts = Annotated[list[str], typer.Option(help="A name or address that people open, besides localhost; repeatable.")]
Env = Annotated[str | None, typer.Option(help="Use [env.NAME] of parley.toml.", show_default="the stack's name")]
EnvName = Annotated[str, typer.Option("--env", help="Use [env.NAME] of parley.toml.")]
Why = Annotated[str, typer.Option(help="The reason, which is recorded.", show_default=False)]


def overrides(
    hosts: list[str], port: int | None, instances: int | None, project: Path | None = None
) -> dict[str, dict[str, Any]]:
    """Put options in the place of parley.toml's keys; hosts are added to its own by config.load."""
    given: dict[str, dict[str, Any]] = {"site": {}, "app": {}}
    if hosts:
        given["site"]["hosts"] = [*load(project=project).site.hosts, *hosts]
    if port is not None:
        given["site"]["port"] = port
    if instances is not None:
        given["app"]["instances"] = instances
    return given
