"""`./parley runbook`."""

import os
from contextlib import suppress
from pathlib import Path
from typing import Annotated, Literal

import typer

from deploy.cli.arguments import Dir, StackName
from deploy.errors import StackError
from deploy.operations.runbooks import page as pages
from deploy.operations.runbooks import run as road
from deploy.operations.runbooks.page import Stack
from deploy.stacks.compose.project import Project
from deploy.text.systemd import places

runbook = typer.Typer(help="Show and run the steps for a known problem (docs/runbooks).")


@runbook.command("list")
def names() -> None:
    """List the runbooks."""
    found = [pages.read(name) for name in pages.names()]
    width = max(len(one.name) for one in found)
    for one in found:
        typer.echo(f"{one.name:{width}}  {one.title}")


@runbook.command()
def show(name: str) -> None:
    """Print a runbook."""
    typer.echo(pages.read(name).text, nl=False)


@runbook.command()
def run(
    name: str,
    dir: Dir = None,  # noqa: A002
    stack: StackName = "local",
    only: Annotated[
        Literal["diagnosis", "mitigation", "verification", "rollback"] | None,
        typer.Option(help="Run only this section.", show_default="the first three"),
    ] = None,
) -> None:
    """Run a runbook. It stops if a command fails or does not print what the page expects."""
    sections = (only.capitalize(),) if only else road.SECTIONS
    # Its units, users and folders have the site's name there; Compose finds its own by the project.
    site = places.here().name if stack == "systemd" else None
    road.run(pages.read(name), stack, sections, _environment(dir, stack), typer.echo, site=site)


def _environment(folder: Path | None, stack: Stack) -> dict[str, str]:
    # Commands of a page have neither --stack nor --dir: they find both here, and Compose whose the site's name is.
    env = dict(os.environ) | ({"PARLEY_DIR": str(folder.expanduser().absolute())} if folder else {})
    if stack == "compose":
        with suppress(StackError):  # Docker cannot be asked: the page's own commands say so
            env |= Project.here(env).variables
    return env
