"""What changes an installed stack: `./parley install`, `uninstall`, `rollout`, `rollback`, `secret-key`; and what the
stacks themselves run, which `--help` does not list."""

import os
from pathlib import Path
from typing import Annotated

import typer

from deploy.cli.arguments import DAY, FILE, FOLDER, Env, Hosts, InstalledName, Port, Project, Why
from deploy.operations import installation
from deploy.operations.backup import media, volume
from deploy.operations.rollout import command as rollouts
from deploy.operations.rollout.probe import probe as run_probe
from deploy.stacks import secret_key as keys
from deploy.stacks.compose.setup import setup as fill_volumes
from deploy.stacks.installed import installed as installed_stack


def install(
    host: Hosts = [],  # noqa: B006
    port: Port = None,
    env: Annotated[str, typer.Option(help="Use [env.NAME] of parley.toml.")] = "systemd",
    wheels: Annotated[
        Path | None, typer.Option(help="A folder of wheels, for a host without a network.", **FOLDER)
    ] = None,
    project: Project = None,
    *,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show the steps and change nothing.")] = False,
) -> None:
    """Install this checkout, or a project, on a Debian host, under systemd."""
    installation.install(env, host, port, wheels, project, dry_run=dry_run)


def uninstall(
    project: Project = None,
    *,
    purge: Annotated[bool, typer.Option("--purge", help="Remove the data and the site's folder in /etc too.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show the steps and change nothing.")] = False,
) -> None:
    """Remove a site from this host. The database, the backups and its folder in /etc stay unless you give --purge."""
    installation.uninstall(project, purge=purge, dry_run=dry_run)


def configure(
    release: str,
    *,
    units: Annotated[bool, typer.Option("--units", help="Render the units instead.")] = False,
    instances: Annotated[bool, typer.Option("--instances", help="Render those of the instances instead.")] = False,
    processes: Annotated[bool, typer.Option("--processes", help="Render those of the processes instead.")] = False,
) -> None:
    """Render the files of this release. A rollout under systemd runs this with the new code."""
    installation.configure(release, units=units, instances=instances, processes=processes)


def setup(
    only: Annotated[str | None, typer.Option(help="`nginx`, `static` or `env`: only that part, for a rollout.")] = None,
) -> None:
    """Fill the volumes of docker-compose.prod.yml. Its service `setup` runs this at each start."""
    for line in fill_volumes(os.environ, only):
        typer.echo(f"setup: {line}")


def rollout(
    stack: InstalledName,
    source: Annotated[
        str | None,
        typer.Argument(
            help="A checkout, a project, an archive or an image.", show_default="this checkout, or the project"
        ),
    ] = None,
    env: Env = None,
    why: Why = "",
    project: Project = None,
    *,
    again: Annotated[
        bool, typer.Option("--again", help="Even if this release serves already. It also applies a changed .env.")
    ] = False,
    patience: Annotated[float, typer.Option(min=1, max=DAY, help="Timeout in seconds for a new instance.")] = 90,
    outage: Annotated[
        bool, typer.Option("--outage", help="Stop all instances for migrations that the old release cannot work with.")
    ] = False,
) -> None:
    """Deploy a release, one instance at a time. No socket is cut. A failure stops it, and the old release serves on.

    With --outage all instances stop first: sockets are closed, and after a failure nothing may serve.
    """
    rollouts.rollout(stack, env, source, project, why=why, again=again, patience=patience, outage=outage)


def rollback(stack: InstalledName, env: Env = None, why: Why = "", project: Project = None) -> None:
    """Return to the last good release. It works as a rollout does. The database stays as it is."""
    rollouts.rollback(stack, env, project, why=why)


def secret_key(
    what: Annotated[
        keys.Act, typer.Argument(help="add: accept a second key; turn: sign with it; drop: remove the old one.")
    ],
    stack: InstalledName,
    env: Env = None,
    project: Project = None,
) -> None:
    """Show or rotate Django's secret key. Instances read it at their start. The runbook `secrets` has the steps."""
    typer.echo("\n".join(installed_stack(stack, env, project).secret_key(what)))


def key_file(path: Annotated[Path, typer.Argument(**FILE)], what: keys.Act) -> None:
    """Do a step of `secret-key` on a file. Compose runs this in a container, which can write the volume."""
    typer.echo("\n".join(keys.act(path, what)))


def database_file(
    what: volume.Act,
    path: Annotated[Path, typer.Argument(**FILE)],
    digest: Annotated[str, typer.Argument(help="The SHA-256 of what `restore` is given.", show_default=False)] = "",
) -> None:
    """Copy an SQLite file to stdout, or replace it by stdin. `backup` runs this in a container that has its volume."""
    volume.act(what, path, digest)


def media_files(
    what: media.Act,
    path: Annotated[Path, typer.Argument(**FILE)],
    digest: Annotated[str, typer.Argument(help="The SHA-256 of what `prepare` is given.", show_default=False)] = "",
) -> None:
    """Copy a folder of uploaded files to stdout, or replace it by stdin. `backup` runs this where its volume is."""
    media.act(what, path, digest)


def probe(bind: str) -> None:
    """Send a message through one instance and read it back. The ticket of the probe account is read from stdin."""
    typer.echo(run_probe(bind))
