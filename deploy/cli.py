"""The command line, as a table of contents: each command calls one function."""

import os
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from deploy import checks, monitoring, rendered, testing
from deploy.arguments import FOLDER, Dir, InstalledName, StackName
from deploy.backup.cli import backup
from deploy.bench.cli import bench
from deploy.config import load
from deploy.doctor import command as doctor_command
from deploy.drill import command as drill_command
from deploy.drill.stack import chosen as drill_stack
from deploy.errors import BadInputError, StackError
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
render = typer.Typer(help="Write the configuration that the stack would run with.")
app.add_typer(render, name="render")
app.add_typer(bench, name="bench")
app.add_typer(backup, name="backup")
app.add_typer(runbook, name="runbook")
drill = typer.Typer(help="Do a fault to the running stack, and judge what its clients saw.")
app.add_typer(drill, name="drill")

Port = Annotated[int | None, typer.Option(min=1, max=65_535, help="The https port.", show_default="parley.toml: 8443")]
Hosts = Annotated[list[str], typer.Option(help="A name beside localhost that people open; repeatable.")]
Env = Annotated[str | None, typer.Option(help="The environment of parley.toml.", show_default="the stack's name")]
EnvName = Annotated[str, typer.Option("--env", help="Whose [env.NAME] of parley.toml.")]
Why = Annotated[str, typer.Option(help="What the record and a refused second one say.", show_default=False)]
PASS_ON = {"ignore_unknown_options": True, "allow_extra_args": True, "allow_interspersed_args": False}


@app.command()
def up(
    host: Hosts = [],  # noqa: B006
    port: Port = None,
    instances: Annotated[int | None, typer.Option(min=1, max=64, help="Processes with one worker each.")] = None,
    dir: Dir = None,  # noqa: A002
) -> None:
    """Run the real stack on this machine, in the foreground, without root."""
    run_up(load(overrides(host, port, instances)), Layout.at(dir))


@app.command()
def dev(port: Annotated[int, typer.Option(min=1, max=65_535, help="The http port.")] = 8000) -> None:
    """Run one process with reload, in memory, over plain http and ws."""
    run_dev(load(), port)


@app.command(context_settings=PASS_ON, add_help_option=False)
def test(context: typer.Context) -> None:
    """Run every test this machine can run; arguments go to pytest."""
    testing.test(context.args)


@render.command("nginx")
def render_nginx(
    out: Annotated[Path, typer.Option(help="The folder to write to.", **FOLDER)],
    dir: Dir = None,  # noqa: A002
    env: EnvName = "local",
) -> None:
    """Write nginx's configuration: for `up`, or as an installed stack has it."""
    rendered.write_nginx(env, dir, out)


@render.command("compose")
def render_compose(
    out: Annotated[Path, typer.Option(help="The folder to write to; the checkout's own is `.`.", **FOLDER)],
    env: EnvName = "compose",
) -> None:
    """Write docker-compose.prod.yml."""
    write_compose(load(env=env), env, out)


@render.command("systemd")
def render_systemd(
    out: Annotated[Path, typer.Option(help="The folder to write to.", **FOLDER)],
    env: Annotated[str, typer.Option(help="Whose [env.NAME] of parley.toml.")] = "systemd",
) -> None:
    """Write the units, and what a release is installed with."""
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
    """Write Prometheus's configuration, the alerts and a Grafana dashboard: for a running `up`, or another --env."""
    monitoring.write(env, dir, every, out)


@app.command()
def install(
    host: Hosts = [],  # noqa: B006
    port: Port = None,
    env: Annotated[str, typer.Option(help="Whose [env.NAME] of parley.toml.")] = "systemd",
    wheels: Annotated[
        Path | None, typer.Option(help="A folder of wheels, for a host without a network.", **FOLDER)
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be done, and change nothing.")] = False,
) -> None:
    """Install this checkout on this Debian host, under systemd."""
    systemd_command.install(env, host, port, wheels, dry_run=dry_run)


@app.command()
def uninstall(
    purge: Annotated[bool, typer.Option("--purge", help="The database, the backups and /etc/parley too.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be done, and change nothing.")] = False,
) -> None:
    """Remove Parley from this host; people's data stays unless told otherwise."""
    systemd_command.uninstall(purge=purge, dry_run=dry_run)


@app.command(hidden=True)
def configure(
    release: str,
    units: Annotated[bool, typer.Option("--units", help="The units too: it is the stack's own release.")] = False,
) -> None:
    """Render what this release is installed with: a rollout under systemd asks the release itself."""
    systemd_command.configure(release, units=units)


@app.command(hidden=True)
def setup(
    only: Annotated[str | None, typer.Option(help="nginx or static: that part alone, for a rollout.")] = None,
) -> None:
    """Fill the volumes of docker-compose.prod.yml: its one-shot service runs this."""
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
    json: Annotated[bool, typer.Option("--json", help="Print the verdict as JSON.")] = False,
    stack: StackName = "local",
    env: Env = None,
) -> None:
    """Run one; exit 1 unless every promise was kept, in a run that counts."""
    sys.exit(drill_command.strike(lambda: drill_stack(stack, dir, env), name, as_json=json))


@app.command()
def check(
    env: EnvName = "local",
    site: Annotated[Path | None, typer.Option(help="A host's own file on top: /etc/parley/parley.toml.")] = None,
) -> None:
    """Check parley.toml, the rules between its numbers, and what is rendered from them."""
    checks.check(env, site)


@app.command()
def doctor(
    dir: Dir = None,  # noqa: A002
    *,
    only: Annotated[list[str], typer.Option(help="The id of a check, in the place of all; repeatable.")] = [],  # noqa: B006
    wait: Annotated[float, typer.Option(min=0, help="Seconds in which what is broken may become well.")] = 0,
    json: Annotated[bool, typer.Option("--json", help="Print the verdicts as JSON.")] = False,
    idle: Annotated[float, typer.Option(min=0, help="Leave a socket alone for so many seconds; 0: none.")] = 0,
    forge: Annotated[bool, typer.Option("--forge", help="Fail six log-ins of nobody under forged addresses.")] = False,
    stack: StackName = "local",
    env: Env = None,
) -> None:
    """Say what is wrong with the running stack, with its evidence and its fix; exit 1 if anything is."""
    sys.exit(doctor_command.doctor(stack, dir, env, json=json, only=only, wait=wait, idle=idle, forge=forge))


@app.command()
def watch(
    dir: Dir = None,  # noqa: A002
    every: Annotated[float, typer.Option(min=0.1, help="Seconds between two messages.")] = watch_note.SECONDS,
    site: Annotated[
        str | None,
        typer.Option(help="Its URL, in a place that has its app's environment.", show_default="the `up` in --dir"),
    ] = None,
    edge: Annotated[
        str | None, typer.Option(help="host:port to dial for --site.", show_default="the URL's own")
    ] = None,
    bind: Annotated[str, typer.Option(help="host:port of its /metrics with --site; 0: any free port.")] = "127.0.0.1:0",
) -> None:
    """Send a message through the edge and read it back, again and again; serve what came of it as metrics."""
    run_watch(watch_site.named(site, edge, bind) if site else watch_site.local(dir), every)


@app.command(context_settings=PASS_ON)
def manage(context: typer.Context, dir: Dir = None, stack: StackName = "local", env: Env = None) -> None:  # noqa: A002
    """Run Django's manage.py as the stack does: of `up` in --dir, or of an installed one."""
    run_manage(stack, dir, env, context.args)


@app.command()
def drain(instance: str, dir: Dir = None, stack: StackName = "local", env: Env = None) -> None:  # noqa: A002
    """End an instance's sockets gracefully; it is started again."""
    drain_instance(stack, dir, env, instance)


@app.command()
def metrics(instance: str, dir: Dir = None, stack: StackName = "local", env: Env = None) -> None:  # noqa: A002
    """Print what an instance counts now, as Prometheus reads it."""
    typer.echo(instance_metrics(stack, dir, env, instance))


@app.command()
def pid(name: str, dir: Dir = None, stack: StackName = "local", env: Env = None) -> None:  # noqa: A002
    """Print the process id of nginx, redis, an instance (gunicorn's first process) or `up` itself."""
    typer.echo(find_pid(stack, dir, env, name))


@app.command()
def rollout(
    stack: InstalledName,
    source: Annotated[str | None, typer.Argument(help="What to roll out.", show_default="this checkout")] = None,
    env: Env = None,
    why: Why = "",
    *,
    again: Annotated[bool, typer.Option("--again", help="Also where this release serves already.")] = False,
    patience: Annotated[float, typer.Option(min=1, help="Seconds that an instance may take to be ready.")] = 90,
) -> None:
    """Replace what serves by another release, one instance at a time, while people chat."""
    rollout_command.rollout(stack, env, source, why=why, again=again, patience=patience)


@app.command()
def rollback(stack: InstalledName, env: Env = None, why: Why = "") -> None:
    """Return to the last good release."""
    rollout_command.rollback(stack, env, why=why)


@app.command()
def secret_key(
    what: Annotated[
        keys.Act, typer.Argument(help="add: one more is believed; turn: the last signs; drop: the first stays.")
    ],
    stack: InstalledName,
    env: Env = None,
) -> None:
    """Show or rotate Django's secret key in its file; instances read it when they start (runbook secrets)."""
    typer.echo("\n".join(installed(stack, env).secret_key(what)))


@app.command(hidden=True)
def key_file(path: Path, what: keys.Act) -> None:
    """Do what `secret-key` says to a file: Compose's volume is written in a container."""
    typer.echo("\n".join(keys.act(path, what)))


@app.command(hidden=True)
def probe(bind: str) -> None:
    """Send a message through one instance and read it back; the ticket comes on stdin."""
    typer.echo(run_probe(bind))


def overrides(hosts: list[str], port: int | None, instances: int | None) -> dict[str, dict[str, Any]]:
    """Put options in the place of parley.toml's keys; hosts are added to its own by config.load."""
    given: dict[str, dict[str, Any]] = {"site": {}, "app": {}}
    if hosts:
        given["site"]["hosts"] = [*load().site.hosts, *hosts]
    if port is not None:
        given["site"]["port"] = port
    if instances is not None:
        given["app"]["instances"] = instances
    return given


def main() -> None:
    """Run one command; bad input is one line and exit 2, a failure one line and exit 1."""
    try:
        sys.exit(app(sys.argv[1:] or ["--help"], prog_name="./parley", standalone_mode=False))
    except BadInputError as error:
        fail(str(error), 2)
    except StackError as error:
        fail(str(error), 1)
    except typer.TyperException as error:
        fail(error.format_message(), 2)
    except PermissionError as error:
        fail(f"{error.filename}: {error.strerror}", 2)
    except OSError as error:  # a full disk, a file where a folder should be
        fail(str(error), 1)
    except KeyboardInterrupt:
        sys.exit(130)


def fail(message: str, status: int) -> None:
    """Say it and go."""
    sys.stderr.write(f"parley: {message}\n")
    sys.exit(status)
