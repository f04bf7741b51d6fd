"""`./parley backup`."""

from pathlib import Path
from typing import Annotated

import typer

from deploy.cli.arguments import FOLDER, Dir, Project, StackName
from deploy.errors import BadInputError
from deploy.operations.backup import backup as backups
from deploy.operations.backup import manifest
from deploy.operations.backup.manifest import Manifest
from deploy.operations.backup.source import Source, chosen
from deploy.operations.backup.store import BackupStore
from deploy.stacks.installed import AnyName

COUNTED = {"media": "uploaded files", "store": "keys of Redis"}
backup = typer.Typer(help="Back up and restore the database, uploaded files and the Redis that keeps.")

Env = Annotated[str | None, typer.Option(help="Use [env.NAME] of parley.toml.", show_default="the stack's name")]
Folder = Annotated[Path | None, typer.Option(help="The backup folder.", **FOLDER, show_default="the stack's own")]
Name = Annotated[str | None, typer.Argument(help="A name that `list` prints.", show_default="the newest")]


@backup.command()
def create(
    stack: StackName = "local",
    dir: Dir = None,  # noqa: A002
    *,
    folder: Folder = None,
    keep: Annotated[int | None, typer.Option(min=1, help="How many to keep.", show_default="parley.toml")] = None,
    env: Env = None,
    project: Project = None,
) -> None:
    """Make a backup while the stack runs, verify it, and remove the oldest ones."""
    source, store = _opened(stack, dir, folder, env, project)
    source.require()
    path = backups.create(source, store)
    typer.echo(f"{path}: {_said(manifest.read(path))}")
    _prune(store, keep or source.config.backup.keep)


@backup.command("list")
def names(
    stack: StackName = "local",
    dir: Dir = None,  # noqa: A002
    folder: Folder = None,
    env: Env = None,
    project: Project = None,
) -> None:
    """List the backups, the oldest first."""
    _, store = _reading(stack, dir, folder, env, project)
    for name in store.names():
        typer.echo(f"{name}: {_said(manifest.read(store.path(name)))}")


@backup.command()
def prune(
    keep: Annotated[int, typer.Option(min=1, help="How many to keep.")],
    stack: StackName = "local",
    dir: Dir = None,  # noqa: A002
    *,
    folder: Folder = None,
    env: Env = None,
    project: Project = None,
) -> None:
    """Remove all but the newest backups. `create` does this too, but needs free disk space first."""
    _, store = _reading(stack, dir, folder, env, project)
    _prune(store, keep)


@backup.command()
def verify(
    name: Name = None,
    stack: StackName = "local",
    dir: Dir = None,  # noqa: A002
    *,
    folder: Folder = None,
    env: Env = None,
    project: Project = None,
) -> None:
    """Verify a backup. It reads the whole backup. The exit status is 1 if anything is missing."""
    source, store = _reading(stack, dir, folder, env, project)
    path = store.path(name)
    typer.echo(f"{path}: whole: {_said(backups.verify(source, path))}")


@backup.command()
def restore(
    name: Annotated[str, typer.Argument(help="A name that `list` prints.")],
    stack: StackName = "local",
    dir: Dir = None,  # noqa: A002
    *,
    folder: Folder = None,
    env: Env = None,
    project: Project = None,
) -> None:
    """Restore a backup into a stopped stack. It replaces all data: what was written later is gone."""
    source, store = _opened(stack, dir, folder, env, project)
    said = backups.restore(source, store.path(name))
    typer.echo(f"{name}: restored: {_said(said)}")


def _opened(
    stack: AnyName, directory: Path | None, folder: Path | None, env: str | None, project: Path | None
) -> tuple[Source, BackupStore]:
    source = chosen(stack, directory, env, project)
    return source, BackupStore((folder or source.backups).expanduser().absolute())


def _reading(
    stack: AnyName, directory: Path | None, folder: Path | None, env: str | None, project: Path | None
) -> tuple[Source, BackupStore]:
    """Open what is there already; raises BadInputError where it is not, which may be a slip of the keyboard."""
    source, store = _opened(stack, directory, folder, env, project)
    if folder is None:
        source.require()
    elif not store.folder.exists():
        raise BadInputError(f"{store.folder} is not there")
    return source, store


def _prune(store: BackupStore, keep: int) -> None:
    for name in store.keep(keep):
        typer.echo(f"{name}: removed; newer backups are kept")


def _said(made: Manifest) -> str:
    parts = "".join(f", {one.number} {COUNTED[one.name]}" for one in made.parts)
    size = made.bytes + sum(one.bytes for one in made.parts)
    return f"{made.engine} of {made.release} at {made.at}, {sum(made.rows.values())} rows{parts}, {size} bytes"
