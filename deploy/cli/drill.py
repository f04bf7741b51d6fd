"""`./parley drill`."""

import sys
from typing import Annotated

import typer

from deploy.cli.arguments import Dir, Env, Project, StackName
from deploy.operations.drill import command

drill = typer.Typer(
    help="Cause a fault and check what clients notice: nothing is lost, no page fails, every socket comes back."
)


@drill.command("list")
def drill_list() -> None:
    """List the faults."""
    for line in command.names():
        typer.echo(line)


@drill.command("run")
def drill_run(
    name: str,
    dir: Dir = None,  # noqa: A002
    json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
    stack: StackName = "local",
    env: Env = None,
    *,
    project: Project = None,
) -> None:
    """Run one drill. The exit status is 1 if a promise was broken or too little happened under the fault."""
    sys.exit(command.strike(stack, dir, env, project, name, as_json=json))
