"""`./parley render`."""

from pathlib import Path
from typing import Annotated

import typer

from deploy.cli.arguments import FOLDER, Dir, EnvName, Project
from deploy.operations import render as files

render = typer.Typer(help="Write configuration files from parley.toml.")


@render.command("nginx")
def render_nginx(
    out: Annotated[Path, typer.Option(help="The folder to write to.", **FOLDER)],
    dir: Dir = None,  # noqa: A002
    env: EnvName = "local",
    project: Project = None,
) -> None:
    """Write nginx's configuration, for the local stack or with --env for an installed one."""
    files.write_nginx(env, dir, out, project)


@render.command("compose")
def render_compose(
    out: Annotated[
        Path | None,
        typer.Option(
            help="The folder to write to; `.` is the checkout.",
            **FOLDER,
            show_default="for a project .parley/NAME/compose",
        ),
    ] = None,
    env: EnvName = "compose",
    project: Project = None,
) -> None:
    """Write docker-compose.prod.yml; for a project, what its image is built from too."""
    files.write_compose(env, out, project)


@render.command("systemd")
def render_systemd(
    out: Annotated[Path, typer.Option(help="The folder to write to.", **FOLDER)],
    env: Annotated[str, typer.Option(help="Use [env.NAME] of parley.toml.")] = "systemd",
    project: Project = None,
) -> None:
    """Write the systemd units and the files of a release."""
    files.write_systemd(env, out, project)


@render.command("prometheus")
def render_prometheus(
    out: Annotated[Path, typer.Option(help="The folder to write to.", **FOLDER)],
    dir: Dir = None,  # noqa: A002
    env: EnvName = "local",
    every: Annotated[
        int | None, typer.Option(min=1, max=300, help="Seconds between scrapes.", show_default="parley.toml: 15")
    ] = None,
    project: Project = None,
) -> None:
    """Write Prometheus' configuration. With it come the alerts and a Grafana dashboard."""
    files.write_prometheus(env, dir, every, out, project)
