"""`./parley backup`."""

from pathlib import Path
from typing import Annotated

import typer

from deploy.arguments import FOLDER, Dir, StackName
from deploy.backup import backup as backups
from deploy.backup import manifest
from deploy.backup.manifest import Manifest
from deploy.backup.shelf import Shelf
from deploy.backup.source import Source, chosen
from deploy.errors import BadInputError
from deploy.stacks.installed import AnyName

backup = typer.Typer(help="Back up and restore the database.")

Env = Annotated[str | None, typer.Option(help="Use [env.NAME] of parley.toml.", show_default="the stack's name")]
Folder = Annotated[Path | None, typer.Option(help="The backup folder.", **FOLDER, show_default="the stack's own")]
Name = Annotated[str | None, typer.Argument(help="A name that `list` prints.", show_default="the newest")]


@backup.command()
def create(
    stack: StackName = "local",
    dir: Dir = None,  # noqa: A002
    folder: Folder = None,
    keep: Annotated[int | None, typer.Option(min=1, help="How many to keep.", show_default="parley.toml")] = None,
    env: Env = None,
) -> None:
    """Make a backup while people chat, verify it, and remove the oldest ones."""
    source, shelf = _opened(stack, dir, folder, env)
    source.require()
    path = backups.create(source, shelf)
    typer.echo(f"{path}: {_said(manifest.read(path))}")
    _prune(shelf, keep or source.config.backup.keep)


@backup.command("list")
def names(stack: StackName = "local", dir: Dir = None, folder: Folder = None, env: Env = None) -> None:  # noqa: A002
    """List the backups, the oldest first."""
    _, shelf = _reading(stack, dir, folder, env)
    for name in shelf.names():
        typer.echo(f"{name}: {_said(manifest.read(shelf.path(name)))}")


@backup.command()
def prune(
    keep: Annotated[int, typer.Option(min=1, help="How many to keep.")],
    stack: StackName = "local",
    dir: Dir = None,  # noqa: A002
    folder: Folder = None,
    env: Env = None,
) -> None:
    """Remove all but the newest backups. `create` does this too, but needs free disk space first."""
    _, shelf = _reading(stack, dir, folder, env)
    _prune(shelf, keep)


@backup.command()
def verify(
    name: Name = None,
    stack: StackName = "local",
    dir: Dir = None,  # noqa: A002
    folder: Folder = None,
    env: Env = None,
) -> None:
    """Verify a backup. It reads the whole backup. The exit status is 1 if anything is missing."""
    source, shelf = _reading(stack, dir, folder, env)
    path = shelf.path(name)
    typer.echo(f"{path}: whole: {_said(backups.verify(source, path))}")


@backup.command()
def restore(
    name: Annotated[str, typer.Argument(help="A name that `list` prints.")],
    stack: StackName = "local",
    dir: Dir = None,  # noqa: A002
    folder: Folder = None,
    env: Env = None,
) -> None:
    """Restore a backup into a stopped stack. It replaces the database: what was written later is gone."""
    source, shelf = _opened(stack, dir, folder, env)
    said = backups.restore(source, shelf.path(name))
    typer.echo(f"{name}: restored: {_said(said)}; every room has a new epoch")


def _opened(stack: AnyName, directory: Path | None, folder: Path | None, env: str | None) -> tuple[Source, Shelf]:
    source = chosen(stack, directory, env)
    return source, Shelf((folder or source.backups).expanduser().absolute())


def _reading(stack: AnyName, directory: Path | None, folder: Path | None, env: str | None) -> tuple[Source, Shelf]:
    """Open what is there already; raises BadInputError where it is not, which may be a slip of the keyboard."""
    source, shelf = _opened(stack, directory, folder, env)
    if folder is None:
        source.require()
    elif not shelf.folder.exists():
        raise BadInputError(f"{shelf.folder} is not there")
    return source, shelf


def _prune(shelf: Shelf, keep: int) -> None:
    for name in shelf.keep(keep):
        typer.echo(f"{name}: removed; newer backups are kept")


def _said(made: Manifest) -> str:
    return f"{made.engine} of {made.release} at {made.at}, {made.rows[backups.LOG]} entries, {made.bytes} bytes"
