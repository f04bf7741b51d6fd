"""`./parley move`."""

from pathlib import Path
from typing import Annotated

import typer

from deploy.cli.arguments import FILE, Dir, Env, Project, StackName
from deploy.errors import BadInputError
from deploy.operations.backup.source import chosen
from deploy.operations.move import move as move_rows

move = typer.Typer(help="Bring data that is somewhere else into a stack.")


@move.callback()
def _below() -> None:
    """Have a command below `move`, though there is only one."""


@move.command()
def database(
    stack: StackName = "local",
    dir: Dir = None,  # noqa: A002
    *,
    file: Annotated[
        Path | None,
        typer.Option("--from", help="An SQLite file. It is not changed.", **FILE, show_default="the one of `up`"),
    ] = None,
    to: Annotated[
        str | None,
        typer.Option(help="postgres://user:password@host:port/name, for `up`.", show_default="the stack's database"),
    ] = None,
    env: Env = None,
    project: Project = None,
) -> None:
    """Bring all rows of an SQLite file into the PostgreSQL of a stopped stack. It has to be empty.

    Either all rows are there at the end, or none. Where the PostgreSQL has no tables yet, it is migrated first.
    """
    if to is not None and stack != "local":
        raise BadInputError(f"--to is for `up`: the stack {stack} has a database of its own")
    source = chosen(stack, dir, env, project, {"database": {"url": to}} if to is not None else None)
    counts = move_rows(source, file)
    for name, number in counts.items():
        if number:
            typer.echo(f"{name}: {number} rows")
    typer.echo(f"moved: {sum(counts.values())} rows of {len(counts)} tables, counted in both databases")
    if to is not None:
        typer.echo("to serve with it, write the URL to parley.toml: [database] url")
