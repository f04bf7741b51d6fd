"""What looks at a stack, and changes nothing: `./parley check`, `doctor`, `watch`."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from deploy.cli.arguments import DAY, FILE, Dir, Env, EnvName, Project, StackName
from deploy.model.health import ALIVE
from deploy.operations.check import check as run_check
from deploy.operations.doctor import command as doctor_command
from deploy.operations.watch import site as watch_site
from deploy.operations.watch.command import watch as run_watch
from deploy.text.prometheus import PROBE_SECONDS


def check(
    env: EnvName = "local",
    site: Annotated[Path | None, typer.Option(help="A host's own file that overrides parley.toml.", **FILE)] = None,
    dir: Dir = None,  # noqa: A002
    project: Project = None,
) -> None:
    """Check parley.toml. It prints each configuration rule with its numbers, and checks the rendered files."""
    run_check(env, site, project, dir)


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
    project: Project = None,
    stack: StackName = "local",
    env: Env = None,
) -> None:
    """Find out what is wrong with the running stack, and how to fix it. The exit status is 1 if anything is."""
    sys.exit(
        doctor_command.doctor(stack, dir, env, project=project, json=json, only=only, wait=wait, idle=idle, forge=forge)
    )


def watch(
    dir: Dir = None,  # noqa: A002
    project: Project = None,
    *,
    every: Annotated[float, typer.Option(min=0.1, max=DAY, help="Seconds between two messages.")] = PROBE_SECONDS,
    site: Annotated[
        str | None,
        typer.Option(
            help="The site's URL; a message needs the app's environment.", show_default="the local stack in --dir"
        ),
    ] = None,
    edge: Annotated[
        str | None, typer.Option(help="Connect --site to this host:port.", show_default="the URL's own")
    ] = None,
    plain: Annotated[
        bool, typer.Option("--plain", help="--edge speaks plain HTTP: a proxy in front of it has the TLS.")
    ] = False,
    bind: Annotated[str, typer.Option(help="host:port of /metrics with --site; port 0: any.")] = "127.0.0.1:0",
    own: Annotated[
        Path | None,
        typer.Option(help="Trust this machine's own self-signed certificate for --site.", show_default="none"),
    ] = None,
    page: Annotated[
        str | None,
        typer.Option(help="With --site: ask for this path, and send no message.", show_default="[project].health"),
    ] = None,
    handshake: Annotated[
        list[str],
        typer.Option(help="With --site: ask for a handshake at this path, and send no message; repeatable."),
    ] = [],  # noqa: B006
) -> None:
    """Probe the site again and again; metrics have the results. A probe sends a message and reads it back. Of a project
    it asks for a page and for handshakes.
    """
    if not site:
        run_watch(watch_site.local(dir, project), every)
        return
    named = watch_site.Asked(page or ALIVE, tuple(handshake)) if page or handshake else None
    what = watch_site.asked(project) if project else named
    run_watch(watch_site.named(site, edge, bind, own, what, plain=plain), every)
