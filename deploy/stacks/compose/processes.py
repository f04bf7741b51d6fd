"""The containers of a project's processes and jobs: another release's in their place, or those of before again.

A process that may be there twice is replaced as a replica is: the new one starts beside the old one. A single one, and
a job, ends first. What ended stays as a stopped container until the rollout is through, and can be started again.
"""

import time
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager

from deploy.errors import StackError
from deploy.model.config import Config
from deploy.stacks.compose.docker import Container, docker, inspect, last_lines, of_project, service_of
from deploy.stacks.compose.project import Project
from deploy.text import run

ALIVE_SECONDS = 10.0  # a program that cannot start has said so by then, also on a busy machine
POLL = 0.25
RESTART = "unless-stopped"  # as the Compose file has it


class Processes:
    """Of one site, during one command."""

    def __init__(self, project: Project, config: Config) -> None:
        self._project = project
        self._wanted: Mapping[str, run.Beside] = {one.service: one for one in run.beside(config)}
        self._before: list[Container] = []  # that ran when they were renewed
        self._made: Sequence[str] = ()

    @property
    def services(self) -> Sequence[str]:
        """Name the services of [project.processes] and [project.schedule]."""
        return list(self._wanted)

    def found(self) -> list[Container]:
        """Give the containers, also of one that parley.toml has no more."""
        return [one for one in of_project(self._project.name) if service_of(one).startswith(run.KINDS)]

    def renew(self, serving: AbstractContextManager[None]) -> None:
        """Start those that there are to be, of the release that `serving` names, and end those of before.

        Raises StackError with a line for each that ends at once.
        """
        found = self.found()
        self._before = [one for one in found if one["State"]["Running"]]
        remove([one for one in found if not one["State"]["Running"]])  # of a rollout that was killed, or of an outage
        _stop([one for one in self._before if self._is_alone(one)])
        self._start(serving)
        self._require_alive()
        _stop([one for one in self._before if not self._is_alone(one)])

    def put_back(self) -> None:
        """Have those of before run again, and nothing else."""
        known = {one["Id"] for one in self._before}
        remove([one for one in self.found() if one["Id"] not in known])
        if known:
            docker("start", *known)

    def forget(self) -> None:
        """Remove those of before: the new ones stay."""
        remove(self._before)
        self._before = []

    def _is_alone(self, container: Container) -> bool:
        """Tell whether it ends before another one begins; what has no service any more may have another name now."""
        wanted = self._wanted.get(service_of(container))
        return wanted is None or wanted.single

    def _start(self, serving: AbstractContextManager[None]) -> None:
        if not self._wanted:
            return
        known = {one["Id"] for one in self._before}
        there = [service_of(one) for one in self._before]
        scale = [f"--scale={name}={there.count(name) + one.instances}" for name, one in self._wanted.items()]
        # As a replica is made (stack.py): with --no-deps it would be made anew at the next plain `up`.
        made = ("up", "--no-start", "--no-recreate", "--no-build", "--pull=never")
        with serving:
            self._project.compose(*made, *scale, *self._wanted)
        self._made = [one["Id"] for one in self.found() if one["Id"] not in known]
        docker("update", "--restart=no", *self._made)  # one that ends is to stay as it ended, until it was looked at
        docker("start", *self._made)

    def _require_alive(self) -> None:
        deadline = time.monotonic() + ALIVE_SECONDS
        while self._made and time.monotonic() < deadline:
            if ended := [one for one in inspect(*self._made) if not one["State"]["Running"]]:
                raise StackError("; ".join(map(_told, ended)))
            time.sleep(POLL)
        if self._made:
            docker("update", f"--restart={RESTART}", *self._made)


def _told(container: Container) -> str:
    """Say how one ended, and the last line that it wrote."""
    lines = [line.strip() for line in last_lines(container["Id"]).splitlines()]
    said = next((line for line in reversed(lines) if line), "it said nothing")
    return f"{service_of(container)} ended at once with exit status {container['State']['ExitCode']}: {said}"


def _stop(containers: list[Container]) -> None:
    if containers:
        docker("stop", *(one["Id"] for one in containers))  # with the grace that each was given


def remove(containers: list[Container]) -> None:
    """End them, each with the grace that it was given, and remove them."""
    _stop(containers)
    if containers:
        docker("rm", *(one["Id"] for one in containers))
