"""How the programs of an image are called: the reference chat's, or a project's beside Parley's own."""

import shlex
from dataclasses import dataclass

from deploy.model.config import Config
from deploy.model.health import ALIVE
from deploy.text import run
from deploy.text.compose import places
from deploy.text.django import MOVE, PLAN, SETTINGS
from deploy.text.render import ComposeProcess

MIGRATE = "migrate"
RUN = ("python", *run.SERVING)
WELL = "/tmp/done"  # noqa: S108 (there while the last run of a job went well; a tmpfs of the container's own)
MODULE = (*RUN, "-m")


@dataclass(frozen=True)
class Words:
    """The beginnings of command lines."""

    deploy: tuple[str, ...]  # Parley's own, in its own environment
    manage: tuple[str, ...]
    migrate: tuple[str, ...]  # Django's `migrate`, which waits for no lock for long
    plan: tuple[str, ...]
    move: tuple[str, ...]  # brings rows of a file into its database
    server: tuple[str, ...]  # after `python -m gunicorn`


CHAT = Words(
    deploy=("python", "-m", "deploy"),
    manage=("python", "manage.py"),
    migrate=("python", "-m", "parley_serving.migrate", SETTINGS),
    plan=("python", *PLAN),
    move=("python", *MOVE, SETTINGS),
    server=("-c", "gunicorn.conf.py", "config.asgi:application"),
)
PROJECT = Words(
    # Its own environment, and nothing of the project's variables.
    deploy=(str(places.OWN_VENV / "bin" / "python"), "-E", "-m", "deploy"),
    manage=(*RUN, "manage.py"),
    migrate=(*MODULE, "parley_serving.migrate"),
    plan=(*MODULE, "parley_serving.migrations_plan"),
    move=(*RUN, *MOVE),
    server=("-c", "python:parley_serving.server", "parley_serving.asgi:application"),
)


def of(config: Config) -> Words:
    """Return those of the image that the configuration is for."""
    return CHAT if config.is_own else PROJECT


def release(config: Config) -> str:
    """Return what the one-shot `migrate` runs, as a shell's line."""
    if config.is_own:
        return f"{shlex.join([*CHAT.migrate, '--noinput'])} && python manage.py bootstrap"
    return " && ".join(map(shlex.join, release_commands(config))) or "true"


def release_commands(config: Config) -> list[list[str]]:
    """Return the commands of [project].release, of which Django's `migrate` is Parley's."""
    found = [(name, rest) for name, *rest in map(shlex.split, config.project.release)]
    return [[*PROJECT.migrate, *rest] if name == MIGRATE else [*PROJECT.manage, name, *rest] for name, rest in found]


def probe(config: Config) -> list[str]:
    """Return how `watch` is called: of a project it asks for a page and for handshakes, which need no account."""
    watch = [*of(config).deploy, "watch"]
    if config.is_own:
        return watch
    sockets = [f"--handshake={prefix}" for prefix in config.project.sockets]
    return [*watch, f"--page={config.project.health or ALIVE}", *sockets]


def processes(config: Config) -> list[ComposeProcess]:
    """Return the services of [project.processes] and [project.schedule]; raise BadInputError for what cannot start."""
    return [
        ComposeProcess(one.service, ("python", *one.words), one.instances, one.grace, WELL if one.at else "")
        for one in run.beside(config, WELL)
    ]


def cleanup(config: Config) -> str:
    """Return what the service `cleanup` runs, as a shell's line; empty: there is none."""
    command = config.project.hooks.cleanup
    if not command:
        return ""
    daily = f"exec {shlex.join(('python', *run.DAILY, '--well', WELL, 'cleanup', *of(config).manage))} {command}"
    if config.is_own:
        return daily
    known = f"{shlex.join(of(config).manage)} help {shlex.split(command)[0]} >/dev/null 2>&1"
    skipped = f"echo 'cleanup: the project has no command {shlex.split(command)[0]}: skipped'; touch {WELL}"
    return f"{known} || {{ {skipped}; exec sleep infinity; }}; {daily}"
