"""The command line, as a table of contents: each command calls one function."""

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from deploy import checks, monitoring, rendered, testing
from deploy.arguments import DAY, FILE, FOLDER, Dir, InstalledName, StackName, overrides
from deploy.backup.cli import backup
from deploy.bench.cli import bench
from deploy.command import open_streams, run
from deploy.config import load
from deploy.doctor import command as doctor_command
from deploy.drill import command as drill_command
from deploy.drill.stack import chosen as drill_stack
from deploy.rollout import command as rollout_command
from deploy.rollout.probe import probe as run_probe
from deploy.runbooks.command import runbook
from deploy.stacks import secret_key as keys
from deploy.stacks.compose.rendered import write as write_compose
from deploy.stacks.compose.setup import setup as fill_volumes
from deploy.stacks.drain import drain as drain_instance
from deploy.stacks.installed import installed
from deploy.stacks.local.dev import dev as run_dev
from deploy.stacks.local.layout import Layout
from deploy.stacks.local.up import up as run_up
from deploy.stacks.manage import manage as run_manage
from deploy.stacks.metrics import metrics as instance_metrics
from deploy.stacks.pid import pid as find_pid
from deploy.stacks.systemd import command as systemd_command
from deploy.watch import note as watch_note
from deploy.watch import site as watch_site
from deploy.watch.command import watch as run_watch

app = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)
render = typer.Typer(help="Write configuration files from parley.toml.")
app.add_typer(render, name="render")
app.add_typer(bench, name="bench")
app.add_typer(backup, name="backup")
app.add_typer(runbook, name="runbook")
drill = typer.Typer(help="Cause a fault and check that nothing is lost.")
app.add_typer(drill, name="drill")

Port = Annotated[int | None, typer.Option(min=1, max=65_535, help="The HTTPS port.", show_default="parley.toml: 8443")]
Hosts = Annotated[list[str], typer.Option(help="A name or address that people open, besides localhost; repeatable.")]
Env = Annotated[str | None, typer.Option(help="Use [env.NAME] of parley.toml.", show_default="the stack's name")]
EnvName = Annotated[str, typer.Option("--env", help="Use [env.NAME] of parley.toml.")]
Why = Annotated[str, typer.Option(help="The reason, which is recorded.", show_default=False)]
PASS_ON = {"ignore_unknown_options": True, "allow_extra_args": True, "allow_interspersed_args": False}


@app.command()
def up(
    host: Hosts = [],  # noqa: B006
    port: Port = None,
    instances: Annotated[int | None, typer.Option(min=1, max=64, help="How many instances to run.")] = None,
    dir: Dir = None,  # noqa: A002
) -> None:
    """Start the whole stack on this machine, without root. Ctrl-C stops everything."""
    run_up(load(overrides(host, port, instances)), Layout.at(dir))


@app.command()
def dev(port: Annotated[int, typer.Option(min=1, max=65_535, help="The HTTP port.")] = 8000) -> None:
    """Start one process for development. It reloads changed code and serves plain HTTP."""
    run_dev(load(), port)


@app.command(context_settings=PASS_ON, add_help_option=False)
def test(context: typer.Context) -> None:
    """Run the short set of tests. --all: what CI runs; --release: everything. Other arguments go to pytest."""
    testing.test(context.args)


@render.command("nginx")
def render_nginx(
    out: Annotated[Path, typer.Option(help="The folder to write to.", **FOLDER)],
    dir: Dir = None,  # noqa: A002
    env: EnvName = "local",
) -> None:
    """Write nginx's configuration, for the local stack or with --env for an installed one."""
    rendered.write_nginx(env, dir, out)


@render.command("compose")
def render_compose(
    out: Annotated[Path, typer.Option(help="The folder to write to; `.` is the checkout.", **FOLDER)],
    env: EnvName = "compose",
) -> None:
    """Write docker-compose.prod.yml."""
    write_compose(load(env=env), env, out)


@render.command("systemd")
def render_systemd(
    out: Annotated[Path, typer.Option(help="The folder to write to.", **FOLDER)],
    env: Annotated[str, typer.Option(help="Use [env.NAME] of parley.toml.")] = "systemd",
) -> None:
    """Write the systemd units and the files of a release."""
    systemd_command.render(env, out)


@render.command("prometheus")
def render_prometheus(
    out: Annotated[Path, typer.Option(help="The folder to write to.", **FOLDER)],
    dir: Dir = None,  # noqa: A002
    env: EnvName = "local",
    every: Annotated[
        int | None, typer.Option(min=1, max=300, help="Seconds between scrapes.", show_default="parley.toml: 15")
    ] = None,
) -> None:
    """Write Prometheus' configuration. With it come the alerts and a Grafana dashboard."""
    monitoring.write(env, dir, every, out)


@app.command()
def install(
    host: Hosts = [],  # noqa: B006
    port: Port = None,
    env: Annotated[str, typer.Option(help="Use [env.NAME] of parley.toml.")] = "systemd",
    wheels: Annotated[
        Path | None, typer.Option(help="A folder of wheels, for a host without a network.", **FOLDER)
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show the steps and change nothing.")] = False,
) -> None:
    """Install this checkout on a Debian host, under systemd."""
    systemd_command.install(env, host, port, wheels, dry_run=dry_run)


@app.command()
def uninstall(
    purge: Annotated[bool, typer.Option("--purge", help="Remove the data and /etc/parley too.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show the steps and change nothing.")] = False,
) -> None:
    """Remove Parley from this host. The database, the backups and /etc/parley stay unless you give --purge."""
    systemd_command.uninstall(purge=purge, dry_run=dry_run)


@app.command(hidden=True)
def configure(
    release: str,
    units: Annotated[bool, typer.Option("--units", help="Render the units too.")] = False,
) -> None:
    """Render the files of this release. A rollout under systemd runs this with the new code."""
    systemd_command.configure(release, units=units)


@app.command(hidden=True)
def setup(
    only: Annotated[str | None, typer.Option(help="`nginx` or `static`: only that part, for a rollout.")] = None,
) -> None:
    """Fill the volumes of docker-compose.prod.yml. Its service `setup` runs this at each start."""
    for line in fill_volumes(os.environ, only):
        typer.echo(f"setup: {line}")


@drill.command("list")
def drill_list() -> None:
    """List the faults."""
    for line in drill_command.names():
        typer.echo(line)


@drill.command("run")
def drill_run(
    name: str,
    dir: Dir = None,  # noqa: A002
    json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
    stack: StackName = "local",
    env: Env = None,
) -> None:
    """Run one drill. The exit status is 1 if a promise was broken or too few messages were sent."""
    sys.exit(drill_command.strike(lambda: drill_stack(stack, dir, env), name, as_json=json))


@app.command()
def check(
    env: EnvName = "local",
    site: Annotated[Path | None, typer.Option(help="A host's own file that overrides parley.toml.", **FILE)] = None,
) -> None:
    """Check parley.toml. It prints each configuration rule with its numbers, and checks the rendered files."""
    checks.check(env, site)


@app.command()
def doctor(
    dir: Dir = None,  # noqa: A002
    *,
    only: Annotated[list[str], typer.Option(help="Run only the check with this id; repeatable.")] = [],  # noqa: B006
    wait: Annotated[float, typer.Option(min=0, max=DAY, help="Seconds to wait until every check passes.")] = 0,
    json: Annotated[bool, typer.Option("--json", help="Print the results as JSON.")] = False,
    idle: Annotated[
        float, typer.Option(min=0, max=DAY, help="Check that a socket stays open when idle for this long; 0: skip.")
    ] = 0,
    forge: Annotated[bool, typer.Option("--forge", help="Also try six log-ins with forged addresses.")] = False,
    stack: StackName = "local",
    env: Env = None,
) -> None:
    """Find out what is wrong with the running stack, and how to fix it. The exit status is 1 if anything is."""
    sys.exit(doctor_command.doctor(stack, dir, env, json=json, only=only, wait=wait, idle=idle, forge=forge))


@app.command()
def watch(
    dir: Dir = None,  # noqa: A002
    *,
    every: Annotated[float, typer.Option(min=0.1, max=DAY, help="Seconds between two messages.")] = watch_note.SECONDS,
    site: Annotated[
        str | None,
        typer.Option(help="The site's URL; needs the app's environment.", show_default="the local stack in --dir"),
    ] = None,
    edge: Annotated[
        str | None, typer.Option(help="Connect --site to this host:port.", show_default="the URL's own")
    ] = None,
    bind: Annotated[str, typer.Option(help="host:port of /metrics with --site; port 0: any.")] = "127.0.0.1:0",
    own: Annotated[
        Path | None,
        typer.Option(help="Trust this machine's own self-signed certificate for --site.", show_default="none"),
    ] = None,
) -> None:
    """Probe the site again and again. A probe sends a message and reads it back; metrics have the results."""
    run_watch(watch_site.named(site, edge, bind, own) if site else watch_site.local(dir), every)


@app.command(context_settings=PASS_ON)
def manage(context: typer.Context, dir: Dir = None, stack: StackName = "local", env: Env = None) -> None:  # noqa: A002
    """Run a command of manage.py with the stack's settings."""
    run_manage(stack, dir, env, context.args)


@app.command()
def drain(instance: str, dir: Dir = None, stack: StackName = "local", env: Env = None) -> None:  # noqa: A002
    """Shut one instance down gracefully, and start it again. Its sockets are asked to reconnect."""
    drain_instance(stack, dir, env, instance)


@app.command()
def metrics(instance: str, dir: Dir = None, stack: StackName = "local", env: Env = None) -> None:  # noqa: A002
    """Print the metrics of one instance."""
    typer.echo(instance_metrics(stack, dir, env, instance))


@app.command()
def pid(name: str, dir: Dir = None, stack: StackName = "local", env: Env = None) -> None:  # noqa: A002
    """Print the process id of nginx, redis, an instance (its gunicorn master) or up (the supervisor)."""
    typer.echo(find_pid(stack, dir, env, name))


@app.command()
def rollout(
    stack: InstalledName,
    source: Annotated[
        str | None, typer.Argument(help="A checkout, an archive or an image.", show_default="this checkout")
    ] = None,
    env: Env = None,
    why: Why = "",
    *,
    again: Annotated[bool, typer.Option("--again", help="Even if this release serves already.")] = False,
    patience: Annotated[float, typer.Option(min=1, max=DAY, help="Timeout in seconds for a new instance.")] = 90,
) -> None:
    """Deploy a release, one instance at a time. No socket is cut. A failure stops it; the old release serves on."""
    rollout_command.rollout(stack, env, source, why=why, again=again, patience=patience)


@app.command()
def rollback(stack: InstalledName, env: Env = None, why: Why = "") -> None:
    """Return to the last good release. It works as a rollout does. The database stays as it is."""
    rollout_command.rollback(stack, env, why=why)


@app.command()
def secret_key(
    what: Annotated[
        keys.Act, typer.Argument(help="add: accept a second key; turn: sign with it; drop: remove the old one.")
    ],
    stack: InstalledName,
    env: Env = None,
) -> None:
    """Show or rotate Django's secret key. Instances read it at their start. The runbook `secrets` has the steps."""
    typer.echo("\n".join(installed(stack, env).secret_key(what)))


@app.command(hidden=True)
def key_file(path: Annotated[Path, typer.Argument(**FILE)], what: keys.Act) -> None:
    """Do a step of `secret-key` on a file. Compose runs this in a container, which can write the volume."""
    typer.echo("\n".join(keys.act(path, what)))


@app.command(hidden=True)
def probe(bind: str) -> None:
    """Send a message through one instance and read it back. The ticket of the probe account is read from stdin."""
    typer.echo(run_probe(bind))


def main() -> None:
    """Run one command; bad input is one line and exit 2, a failure one line and exit 1."""
    open_streams()
    sys.exit(run(app, sys.argv[1:]))
