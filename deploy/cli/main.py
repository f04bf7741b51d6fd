"""The command line, as a table of contents: each command is a function of this folder."""

import sys

import typer

from deploy.cli import inspect, installed, instance, local
from deploy.cli.adopt import adopt
from deploy.cli.backup import backup
from deploy.cli.bench import bench
from deploy.cli.drill import drill
from deploy.cli.invocation import open_streams, run
from deploy.cli.move import move
from deploy.cli.render import render
from deploy.cli.runbook import runbook
from deploy.operations import testing

PASS_ON = {"ignore_unknown_options": True, "allow_extra_args": True, "allow_interspersed_args": False}

app = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)
app.add_typer(render, name="render")
app.add_typer(bench, name="bench")
app.add_typer(backup, name="backup")
app.add_typer(move, name="move")
app.add_typer(runbook, name="runbook")
app.add_typer(drill, name="drill")

# In the order in which --help lists them.
app.command()(local.up)
app.command()(local.dev)
app.command(context_settings=PASS_ON, add_help_option=False, epilog=testing.MORE)(local.test)
app.command()(installed.install)
app.command()(installed.uninstall)
app.command(hidden=True)(installed.configure)
app.command(hidden=True)(installed.setup)
app.command()(adopt)
app.command()(inspect.check)
app.command()(inspect.doctor)
app.command()(inspect.watch)
app.command(context_settings=PASS_ON)(instance.manage)
app.command()(instance.drain)
app.command()(instance.metrics)
app.command()(instance.pid)
app.command()(installed.rollout)
app.command()(installed.rollback)
app.command()(installed.secret_key)
app.command(hidden=True)(installed.key_file)
app.command(hidden=True)(installed.database_file)
app.command(hidden=True)(installed.media_files)
app.command(hidden=True)(installed.probe)


def main() -> None:
    """Run one command; bad input is one line and exit 2, a failure one line and exit 1."""
    open_streams()
    sys.exit(run(app, sys.argv[1:]))
