"""`./parley runbook`."""

import os
from contextlib import suppress
from pathlib import Path
from typing import Annotated, Literal

import typer

from deploy.cli.arguments import Dir, Project, StackName
from deploy.errors import BadInputError, StackError
from deploy.model.config import load
from deploy.operations.runbooks import page as pages
from deploy.operations.runbooks import run as road
from deploy.operations.runbooks.page import Page, Stack
from deploy.stacks.compose.project import Project as Compose
from deploy.stacks.compose.project import home as compose_home
from deploy.stacks.local.layout import Layout
from deploy.text.compose.file import FILE
from deploy.text.systemd import whose

runbook = typer.Typer(help="Show and run the steps for a known problem (docs/runbooks).")


@runbook.command("list")
def names(project: Project = None) -> None:
    """List the runbooks; with a project, those that are for it."""
    found = [one for one in map(pages.read, pages.names()) if project is None or not one.of_chat]
    width = max(len(one.name) for one in found)
    for one in found:
        typer.echo(f"{one.name:{width}}  {one.title}")


@runbook.command()
def show(name: str, project: Project = None) -> None:
    """Print a runbook."""
    typer.echo(_read(name, project).text, nl=False)


@runbook.command()
def run(
    name: str,
    dir: Dir = None,  # noqa: A002
    project: Project = None,
    stack: StackName = "local",
    only: Annotated[
        Literal["diagnosis", "mitigation", "verification", "rollback"] | None,
        typer.Option(help="Run only this section.", show_default="the first three"),
    ] = None,
) -> None:
    """Run a runbook. It stops if a command fails or does not print what the page expects."""
    sections = (only.capitalize(),) if only else road.SECTIONS
    page = _read(name, project)
    env = dict(os.environ) if project is None else _of_project(stack, project)
    # Commands of a page have neither --stack nor --dir: they find both here, and Compose whose the site's name is.
    if dir is not None:
        env["PARLEY_DIR"] = str(dir.expanduser().absolute())
    # Its units, users and folders have the site's name there; Compose finds its own by the project.
    site = whose.here().name if stack == "systemd" and project is None else None
    compose = None
    if stack == "compose":
        home = None if project is None else compose_home(load(env=stack, project=project))
        compose = home / FILE if home else None
        with suppress(StackError):  # Docker cannot be asked: the page's own commands say so
            env |= Compose.here(env, home).variables
    road.run(page, stack, sections, env, typer.echo, site=site, compose=compose)


def _read(name: str, project: Path | None) -> Page:
    """Read a page; raise BadInputError for one that is not for a project."""
    page = pages.read(name)
    if project is not None and page.of_chat:
        raise BadInputError(f"{name} is for the reference chat alone: {page.of_chat}")
    return page


def _of_project(stack: Stack, project: Path) -> dict[str, str]:
    """Give what tells a page's commands which project they are for; `up` has its state in a folder of its name."""
    if stack == "systemd":
        raise BadInputError(f"runbook: not yet for a project under systemd: {project}")
    config = load(project=project)
    env = {**os.environ, "PARLEY_PROJECT": str(project.expanduser().absolute())}
    if stack == "local":
        env["PARLEY_DIR"] = str(Layout.of(config, None).dir)
    return env
