"""`./parley up`, `dev`, `test`."""

from typing import Annotated

import typer

from deploy.cli.arguments import Dir, Hosts, Port, Project, overrides
from deploy.model.config import load
from deploy.operations import testing
from deploy.stacks.local.dev import dev as run_dev
from deploy.stacks.local.opened import opened
from deploy.stacks.local.up import up as run_up


def up(
    host: Hosts = [],  # noqa: B006
    port: Port = None,
    instances: Annotated[int | None, typer.Option(min=1, max=64, help="How many instances to run.")] = None,
    dir: Dir = None,  # noqa: A002
    project: Project = None,
) -> None:
    """Start the whole stack on this machine, without root. Ctrl-C stops everything."""
    run_up(*opened(project, dir, overrides(host, port, instances, project)))


def dev(
    port: Annotated[int, typer.Option(min=1, max=65_535, help="The HTTP port.")] = 8000,
    project: Project = None,
) -> None:
    """Start one process for development. It reloads changed code and serves plain HTTP."""
    run_dev(load(project=project), port)


def test(context: typer.Context) -> None:
    """Run the short set of tests. --all: what CI runs; --release: everything. Other arguments go to pytest."""
    testing.test(context.args, context.get_help)
