"""How the programs of an image are called: the reference chat's, or a project's beside Parley's own."""

import shlex
from dataclasses import dataclass

from deploy.errors import BadInputError
from deploy.model.config import FILE, Config
from deploy.model.health import ALIVE
from deploy.text.compose import places
from deploy.text.django import PLAN, SETTINGS
from deploy.text.render import ComposeProcess

MIGRATE = "migrate"
PYTHONS = ("python", "python3")
SHELL = {"&&", "||", "|", ";", "&"}  # no shell reads the command
PROCESS = "process-"  # how the services of [project.processes] begin, and none of ours
RUN = ("python", "-m", "parley_serving")
MODULE = (*RUN, "-m")


@dataclass(frozen=True)
class Words:
    """The beginnings of command lines."""

    deploy: tuple[str, ...]  # Parley's own, in its own environment
    manage: tuple[str, ...]
    migrate: tuple[str, ...]  # Django's `migrate`, which waits for no lock for long
    plan: tuple[str, ...]
    server: tuple[str, ...]  # after `python -m gunicorn`


CHAT = Words(
    deploy=("python", "-m", "deploy"),
    manage=("python", "manage.py"),
    migrate=("python", "-m", "parley_serving.migrate", SETTINGS),
    plan=("python", *PLAN),
    server=("-c", "gunicorn.conf.py", "config.asgi:application"),
)
PROJECT = Words(
    # Its own environment, and nothing of the project's variables.
    deploy=(str(places.OWN_VENV / "bin" / "python"), "-E", "-m", "deploy"),
    manage=(*RUN, "manage.py"),
    migrate=(*MODULE, "parley_serving.migrate"),
    plan=(*MODULE, "parley_serving.migrations_plan"),
    server=("-c", "python:parley_serving.server", "parley_serving.asgi:application"),
)


def of(config: Config) -> Words:
    """Return those of the image that the configuration is for."""
    return CHAT if config.is_own else PROJECT


def release(config: Config) -> str:
    """Return what the one-shot `migrate` runs, as a shell's line."""
    if config.is_own:
        return f"{shlex.join([*CHAT.migrate, '--noinput'])} && python manage.py bootstrap"
    found = of(config)
    lines = []
    for command in config.project.release:
        name, *rest = shlex.split(command)
        lines.append(shlex.join([*found.migrate, *rest] if name == MIGRATE else [*found.manage, name, *rest]))
    return " && ".join(lines) or "true"


def probe(config: Config) -> list[str]:
    """Return how `watch` is called: of a project it asks for a page and for handshakes, which need no account."""
    watch = [*of(config).deploy, "watch"]
    if config.is_own:
        return watch
    sockets = [f"--handshake={prefix}" for prefix in config.project.sockets]
    return [*watch, f"--page={config.project.health or ALIVE}", *sockets]


def processes(config: Config) -> list[ComposeProcess]:
    """Return the services of [project.processes]; raise BadInputError for what the image cannot start."""
    return [
        ComposeProcess(f"{PROCESS}{name}", _process(config, name, one.run), one.instances, one.grace)
        for name, one in config.project.processes.items()
    ]


def _process(config: Config, name: str, run: str) -> list[str]:
    """Return a command as `python -m parley_serving` takes it; it reads the secrets itself, from files."""
    first, *rest = shlex.split(run)
    command = rest if first in PYTHONS else [first, *rest]
    if command and (command[0] == "-m" or not command[0].startswith("-")) and not SHELL & set(command):
        return [*RUN, *command]
    raise BadInputError(
        f"{config.folder / FILE.name}: project.processes.{name}: {run!r} is no `manage.py COMMAND`,"
        " `python FILE`, `python -m MODULE` or program of its requirements, such as celery"
    )


def cleanup(config: Config) -> str:
    """Return what the service `cleanup` runs, as a shell's line; empty: there is none."""
    command = config.project.hooks.cleanup
    if not command:
        return ""
    run = f"{shlex.join(of(config).manage)} {command}"
    daily = f"while {run}; do touch /tmp/done; sleep 86400; done; exit 1"
    if config.is_own:
        return daily
    known = f"{shlex.join(of(config).manage)} help {shlex.split(command)[0]} >/dev/null 2>&1"
    skipped = f"echo 'cleanup: the project has no command {shlex.split(command)[0]}: skipped'; touch /tmp/done"
    return f"{known} || {{ {skipped}; exec sleep infinity; }}; {daily}"
