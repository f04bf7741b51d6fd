"""`./parley backup`."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from deploy.arguments import FOLDER, Dir, StackName
from deploy.backup import backup as backups
from deploy.backup import manifest
from deploy.backup.manifest import Manifest
from deploy.backup.shelf import Shelf
from deploy.backup.source import Source, chosen

backup = typer.Typer(help="Back the database up, while people chat, and bring it back.")

Env = Annotated[str | None, typer.Option(help="The environment of parley.toml.", show_default="the stack's name")]
Folder = Annotated[Path | None, typer.Option(help="Where the backups are.", **FOLDER, show_default="the stack's own")]
Name = Annotated[str | None, typer.Argument(help="As `list` names it.", show_default="the newest")]


@backup.command()
def create(
    stack: StackName = "local",
    dir: Dir = None,  # noqa: A002
    folder: Folder = None,
    keep: Annotated[int | None, typer.Option(min=1, help="How many stay.", show_default="parley.toml")] = None,
    env: Env = None,
) -> None:
    """Make one, read it back, and remove the oldest."""
    source, shelf = _opened(stack, dir, folder, env)
    path = backups.create(source, shelf)
    typer.echo(f"{path}: {_said(manifest.read(path))}")
    _prune(shelf, keep or source.config.backup.keep)


@backup.command("list")
def names(stack: StackName = "local", dir: Dir = None, folder: Folder = None, env: Env = None) -> None:  # noqa: A002
    """List them, the oldest first."""
    _, shelf = _opened(stack, dir, folder, env)
    for name in shelf.names():
        typer.echo(f"{name}: {_said(manifest.read(shelf.path(name)))}")


@backup.command()
def prune(
    keep: Annotated[int, typer.Option(min=1, help="How many stay.")],
    stack: StackName = "local",
    dir: Dir = None,  # noqa: A002
    folder: Folder = None,
    env: Env = None,
) -> None:
    """Remove all but the newest; `create` does so too, but needs room to begin."""
    _, shelf = _opened(stack, dir, folder, env)
    _prune(shelf, keep)


@backup.command()
def verify(
    name: Name = None,
    stack: StackName = "local",
    dir: Dir = None,  # noqa: A002
    folder: Folder = None,
    env: Env = None,
) -> None:
    """Read one back whole; exit 1 unless all of it is there."""
    source, shelf = _opened(stack, dir, folder, env)
    path = shelf.path(name)
    typer.echo(f"{path}: whole: {_said(backups.verify(source, path))}")


@backup.command()
def restore(
    name: Annotated[str, typer.Argument(help="As `list` names it.")],
    stack: StackName = "local",
    dir: Dir = None,  # noqa: A002
    folder: Folder = None,
    env: Env = None,
) -> None:
    """Replace the database of a stopped stack by one."""
    source, shelf = _opened(stack, dir, folder, env)
    said = backups.restore(source, shelf.path(name))
    typer.echo(f"{name}: restored: {_said(said)}; every room has a new epoch")


def _opened(
    stack: Literal["local", "compose", "systemd"], directory: Path | None, folder: Path | None, env: str | None
) -> tuple[Source, Shelf]:
    source = chosen(stack, directory, env)
    return source, Shelf((folder or source.backups).expanduser().absolute())


def _prune(shelf: Shelf, keep: int) -> None:
    for name in shelf.keep(keep):
        typer.echo(f"{name}: removed, for newer ones are kept")


def _said(made: Manifest) -> str:
    return f"{made.engine} of {made.release} at {made.at}, {made.rows[backups.LOG]} entries, {made.bytes} bytes"
