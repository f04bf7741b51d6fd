"""What is asked of one instance, or run beside it: `./parley manage`, `drain`, `metrics`, `pid`."""

import typer

from deploy.cli.arguments import Dir, Env, Project, StackName
from deploy.operations.instance.drain import drain as drain_instance
from deploy.operations.instance.manage import manage as run_manage
from deploy.operations.instance.metrics import metrics as instance_metrics
from deploy.operations.instance.pid import pid as find_pid


def manage(
    context: typer.Context,
    dir: Dir = None,  # noqa: A002
    project: Project = None,
    stack: StackName = "local",
    env: Env = None,
) -> None:
    """Run a command of manage.py with the stack's settings."""
    run_manage(stack, dir, env, context.args, project)


def drain(
    instance: str,
    dir: Dir = None,  # noqa: A002
    project: Project = None,
    stack: StackName = "local",
    env: Env = None,
) -> None:
    """Shut one instance down gracefully, and start it again. Its sockets are asked to reconnect."""
    seconds = drain_instance(stack, dir, env, instance, project)
    typer.echo(f"{instance} has drained and ended after {seconds:.1f} s")


def metrics(
    instance: str,
    dir: Dir = None,  # noqa: A002
    project: Project = None,
    stack: StackName = "local",
    env: Env = None,
) -> None:
    """Print the metrics of one instance."""
    typer.echo(instance_metrics(stack, dir, env, instance, project))


def pid(
    name: str,
    dir: Dir = None,  # noqa: A002
    project: Project = None,
    stack: StackName = "local",
    env: Env = None,
) -> None:
    """Print the process id of nginx, redis, an instance (its gunicorn master) or up (the supervisor)."""
    typer.echo(find_pid(stack, dir, env, name, project))
