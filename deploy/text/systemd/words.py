"""How the programs of a release are called: the reference chat's, or a project's beside Parley's own."""

import shlex
from dataclasses import dataclass

from deploy.model.config import Config
from deploy.text.compose import words as compose
from deploy.text.django import PLAN
from deploy.text.systemd import places


@dataclass(frozen=True)
class Words:
    """Paths in a release's folder, and what comes after that Python."""

    python: str
    folder: str  # the working directory
    manage: tuple[str, ...]
    plan: tuple[str, ...]
    server: tuple[str, ...]


CHAT = Words(
    python=places.PYTHON,
    folder="app",
    manage=("manage.py",),
    plan=PLAN,
    server=("-m", "gunicorn", "-c", "gunicorn.conf.py", "config.asgi:application"),
)
PROJECT = Words(
    python=f"{places.ENVIRONMENT}/bin/python",
    folder=places.WORK,
    manage=compose.PROJECT.manage[1:],
    plan=compose.PROJECT.plan[1:],
    server=("-m", "gunicorn", *compose.PROJECT.server),
)


def of(config: Config) -> Words:
    """Return those of a release of this configuration."""
    return CHAT if config.is_own else PROJECT


def release(config: Config, python: str) -> str:
    """Return what is run before the instances of a project's release, as a script of sh."""
    lines = [shlex.join([python, *words[1:]]) for words in compose.release_commands(config)]
    return "".join(f"{line}\n" for line in ("set -e", *lines))
