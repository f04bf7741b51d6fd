"""nginx's container: what it reads, and how it is made anew for its ports, limits and mounts."""

import time
from collections.abc import Sequence
from contextlib import suppress

from deploy.effects.signals import unhurried
from deploy.errors import StackError
from deploy.stacks.compose.docker import Container, containers, docker, inspect, last_lines
from deploy.stacks.compose.project import Project
from deploy.text.compose import places

SECONDS = 60.0  # for nginx to be healthy; it starts within one
PAUSE = 0.2
NGINX = ("nginx", "-e", "stderr", "-c")


def require(project: Project, folder: str) -> None:
    """Raise StackError for files that nginx would not read."""
    project.edge(*NGINX, f"{folder}/nginx.conf", "-t")


def is_to_be_told(project: Project, folder: str) -> bool:
    """Tell whether these files differ, and the container is of a release that did not look at them by itself."""
    if all("configured()" in " ".join(one["Config"]["Cmd"]) for one in containers(project.name, "edge")):
        return False
    try:
        project.edge("diff", "-rq", str(places.CURRENT), folder)
    except StackError:
        return True
    return False


def reload(project: Project) -> None:
    """Have nginx read its files; the sockets of its old workers are moved."""
    project.edge(*NGINX, f"{places.CURRENT}/nginx.conf", "-s", "reload")


def renew(project: Project) -> None:
    """Have a container as .env and parley.toml say now in the place of the one that serves; raise StackError.

    Nobody gets in from the stop of one to the start of the other, so the new one is made before. Two cannot have one
    port of this host; where no port is the same, both serve for a moment.
    """
    before = _serving(project)
    beside = True
    try:
        new = _made(project, before)
        beside = not any(_ports(one) & _ports(new) for one in before)
        if not beside:
            _stop(before)
        docker("start", new["Id"])
        _until_healthy(new["Id"])
    except BaseException:  # Ctrl-C too: nobody is left without a site
        with unhurried():
            _put_back(project, before, stopped=not beside)
        raise
    if beside:
        _stop(before)
    docker("rm", *(one["Id"] for one in before))


def _serving(project: Project) -> list[Container]:
    """Give what serves, and remove what a renewal that was killed left beside it."""
    found = containers(project.name, "edge")
    running = [one for one in found if one["State"]["Running"]]
    if not running:
        return found
    for one in found:
        if one not in running:
            docker("rm", "--force", one["Id"])
    return running


def _made(project: Project, before: Sequence[Container]) -> Container:
    """Have Compose make one more."""
    replicas = len(containers(project.name, "web"))
    # Not --no-deps: Compose would digest a service without dependencies, and make it anew at the next plain `up`.
    made = ("up", "--no-start", "--no-recreate", "--no-build", "--pull=never")
    project.compose(*made, "--scale", f"edge={len(before) + 1}", "--scale", f"web={replicas}", "edge")
    new = _others(project, before)
    if not new:
        raise StackError("Compose made no container for nginx")
    return new[0]


def _others(project: Project, before: Sequence[Container]) -> list[Container]:
    ids = {one["Id"] for one in before}
    return [one for one in containers(project.name, "edge") if one["Id"] not in ids]


def _put_back(project: Project, before: Sequence[Container], *, stopped: bool) -> None:
    for one in _others(project, before):
        with suppress(StackError):
            docker("rm", "--force", one["Id"])
    if stopped:
        _stop(before)  # one that still drains counts as running: to start it would do nothing
    for one in before:
        docker("start", one["Id"])


def _stop(found: Sequence[Container]) -> None:
    """Have nginx drain: its workers end when the replicas have moved their sockets."""
    docker("stop", *(one["Id"] for one in found))  # with the grace that the Compose file gives


def _ports(container: Container) -> set[str]:
    published = (container["HostConfig"]["PortBindings"] or {}).values()
    return {one["HostPort"] for bindings in published for one in bindings}


def _until_healthy(name: str) -> None:
    deadline = time.monotonic() + SECONDS
    while (now := inspect(name)[0])["State"]["Health"]["Status"] != "healthy":
        # One that ends is started again, and counts as running meanwhile.
        if now["RestartCount"] or not now["State"]["Running"] or time.monotonic() > deadline:
            raise StackError(f"nginx does not start as .env says now; the one before it serves:\n{last_lines(name)}")
        time.sleep(PAUSE)
