"""The containers of a project's processes and jobs: another release's in their place, or those of before again.

A process that may be there twice is replaced as a replica is: the new one starts beside the old one. A single one, and
a job, ends first. What ended stays as a stopped container until the rollout is through, and can be started again.

A container's restart policy says how far it is, also to whoever comes after a rollout that was killed: HELD is one that
ended for one ON_TRIAL. If the host restarts meanwhile, Docker starts those that are held, and none that is on trial.
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
STAYS = "unless-stopped"  # as the Compose file has it
HELD = "always"
ON_TRIAL = "no"  # one that ends is to stay as it ended, until it was looked at


class Processes:
    """Of one site, during one command."""

    def __init__(self, project: Project, config: Config) -> None:
        self._project = project
        self._wanted: Mapping[str, run.Beside] = {one.service: one for one in run.beside(config)}
        self._before: list[Container] | None = None  # what there is to go back to; None: nobody has looked yet
        self._ended: list[Container] = []  # those of before that were told to end
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
        before = self._before = _of_before(found)
        remove([one for one in found if one not in before])  # of a rollout that was killed
        ran = [one for one in before if _ran(one)]
        alone = [one for one in ran if self._is_alone(one)]
        _set(HELD, _ids(alone))
        self._end(alone)
        self._start(serving, before)
        self._require_alive()
        _set(STAYS, [*self._made, *_ids(before)])
        self._end([one for one in ran if one not in alone])

    def put_back(self) -> Sequence[str]:
        """Have those of before run again that ran, and nothing else; name them."""
        if self._before is None:
            return ()
        known = _ids(self._before)
        remove([one for one in self.found() if one["Id"] not in known])
        ran = [one for one in self._before if _ran(one)]
        _set(STAYS, known)
        _stop(self._ended)  # one that still ends counts as running, and to start it would do nothing
        if ran:
            docker("start", *_ids(ran))
        return sorted({service_of(one) for one in ran})

    def forget(self) -> None:
        """Remove those of before: the new ones stay, also one that ended."""
        if self._before is not None:
            remove(self._before)
            _set(STAYS, _ids([one for one in self.found() if _policy(one) != STAYS]))
            self._before = None

    def _is_alone(self, container: Container) -> bool:
        """Tell whether it ends before another one begins; what has no service any more may have another name now."""
        wanted = self._wanted.get(service_of(container))
        return wanted is None or wanted.single

    def _end(self, containers: list[Container]) -> None:
        self._ended += containers
        _stop(containers)

    def _start(self, serving: AbstractContextManager[None], before: list[Container]) -> None:
        if not self._wanted:
            return
        known = _ids(before)
        there = [service_of(one) for one in before]
        scale = [f"--scale={name}={there.count(name) + one.instances}" for name, one in self._wanted.items()]
        # As a replica is made (stack.py): with --no-deps it would be made anew at the next plain `up`.
        made = ("up", "--no-start", "--no-recreate", "--no-build", "--pull=never")
        with serving:
            self._project.compose(*made, *scale, *self._wanted)
        self._made = [name for name in _ids(self.found()) if name not in known]
        _set(ON_TRIAL, self._made)
        docker("start", *self._made)

    def _require_alive(self) -> None:
        deadline = time.monotonic() + ALIVE_SECONDS
        while self._made and time.monotonic() < deadline:
            if ended := [one for one in inspect(*self._made) if not one["State"]["Running"]]:
                raise StackError("; ".join(map(_told, ended)))
            time.sleep(POLL)


def _of_before(found: list[Container]) -> list[Container]:
    """Give those that ran, and of a service that has none of them those that are stopped: an outage leaves such."""
    ran = [one for one in found if _ran(one)]
    services = {service_of(one) for one in ran}
    stopped = [one for one in found if not one["State"]["Running"] and _policy(one) != ON_TRIAL]
    return ran + [one for one in stopped if one not in ran and service_of(one) not in services]


def _ran(container: Container) -> bool:
    """Tell whether it runs, or did until another one was tried in its place."""
    policy = _policy(container)
    return policy == HELD or bool(container["State"]["Running"] and policy != ON_TRIAL)


def _policy(container: Container) -> str:
    return str(container["HostConfig"]["RestartPolicy"]["Name"])


def _set(policy: str, ids: Sequence[str]) -> None:
    if ids:
        docker("update", f"--restart={policy}", *ids)


def _ids(containers: list[Container]) -> list[str]:
    return [str(one["Id"]) for one in containers]


def _told(container: Container) -> str:
    """Say how one ended, and the last line that it wrote."""
    lines = [line.strip() for line in last_lines(container["Id"]).splitlines()]
    said = next((line for line in reversed(lines) if line), "it said nothing")
    return f"{service_of(container)} ended at once with exit status {container['State']['ExitCode']}: {said}"


def _stop(containers: list[Container]) -> None:
    if containers:
        docker("stop", *_ids(containers))  # with the grace that each was given


def remove(containers: list[Container]) -> None:
    """End them, each with the grace that it was given, and remove them."""
    _stop(containers)
    if containers:
        docker("rm", *_ids(containers))
