"""How `run` of [project.processes] and [project.schedule] is started, on every stack alike: no shell reads it.

A process reads the project's variables and settings by itself (app/parley_serving/__main__.py), from files.
"""

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass

from deploy.errors import BadInputError
from deploy.model.config import FILE, Config

PYTHONS = ("python", "python3")
# No shell reads the command: neither what joins two, nor a redirection such as 2>&1, nor $NAME.
SHELL = re.compile(r"&&|\|\|?|;|&|\d*(<|>).*|.*\$(\w|\{|\().*", re.DOTALL)
SERVING = ("-m", "parley_serving")  # after `python`: a command with what a worker has
DAILY = ("-m", "parley_serving.daily")  # after `python`: a command once a day
KINDS = ("process-", "schedule-")  # how their names begin, and none of ours
JOB_GRACE = 60  # seconds that a job has when it is to end: as a process that names none


@dataclass(frozen=True)
class Beside:
    """One of a project's processes or jobs, beside its instances."""

    service: str  # its name among those that are ours
    words: tuple[str, ...]  # after `python`
    instances: int
    grace: int  # seconds from the signal that ends it
    single: bool
    at: str = ""  # when a job runs, each day; empty: it is a process


def beside(config: Config, well: str = "") -> Iterator[Beside]:
    """Give all of them; raise BadInputError for what cannot be started.

    `well` is a file that each job makes, and that is gone once its last run failed.
    """
    if config.is_own:
        return
    for name, one in config.project.processes.items():
        words = (*SERVING, *_words(config, f"project.processes.{name}", one.run))
        yield Beside(f"process-{name}", words, one.instances, one.grace, one.single)
    for name, job in config.project.schedule.items():
        command = _words(config, f"project.schedule.{name}", job.run)
        options = ("--at", job.at, *(("--well", well) if well else ()))
        words = (*DAILY, *options, f"schedule-{name}", "python", *SERVING, *command)
        yield Beside(f"schedule-{name}", words, 1, JOB_GRACE, single=True, at=job.at)


def jobs(config: Config) -> dict[str, tuple[str, ...]]:
    """Return the commands of [project.schedule] after `python`, by their names, for whom a timer starts them."""
    found = config.project.schedule
    return {
        name: (*SERVING, *_words(config, f"project.schedule.{name}", one.run))
        for name, one in found.items()
        if not config.is_own
    }


def _words(config: Config, key: str, run: str) -> list[str]:
    """Return a command as `python -m parley_serving` takes it."""
    first, *rest = shlex.split(run)
    command = rest if first in PYTHONS else [first, *rest]
    is_named = command[1:2] if command[:1] == ["-m"] else command and not command[0].startswith("-")
    if is_named and not any(map(SHELL.fullmatch, command)):
        return command
    raise BadInputError(
        f"{config.folder / FILE.name}: {key}: {run!r} is no `manage.py COMMAND`,"
        " `python FILE`, `python -m MODULE` or program of its requirements, such as celery; no shell reads it"
    )
