"""What the Docker engine is asked."""

import json
from collections.abc import Mapping
from typing import Any

from deploy.effects import commands

LAST_LINES = 15

Container = dict[str, Any]  # as `docker inspect` has it


def docker(*arguments: str, given: str = "") -> str:
    """Run `docker` and give its stdout; raises StackError with its last lines."""
    return commands.output(["docker", *arguments], given=given).strip()


def containers(project: str, service: str) -> list[Container]:
    """Give a service's containers, stopped ones too, by their number."""
    found = _labelled({"project": project, "service": service, "oneoff": "False"})
    return sorted(found, key=lambda one: int(one["Config"]["Labels"]["com.docker.compose.container-number"]))


def of_project(project: str) -> list[Container]:
    """Give the containers of all services."""
    return _labelled({"project": project, "oneoff": "False"})


def service_of(container: Container) -> str:
    """Name the service that a container is of."""
    return str(container["Config"]["Labels"]["com.docker.compose.service"])


def digest_of(container: Container) -> str:
    """Give what Compose wrote on it of how it was to be."""
    return str(container["Config"]["Labels"]["com.docker.compose.config-hash"])


def _labelled(labels: Mapping[str, str]) -> list[Container]:
    wanted = [f"--filter=label=com.docker.compose.{key}={value}" for key, value in labels.items()]
    ids = docker("ps", "--all", "--quiet", *wanted).split()
    return inspect(*ids) if ids else []


def inspect(*names: str) -> list[Container]:
    """Give containers by name or id; raises StackError for one that there is not."""
    found: list[Container] = json.loads(docker("inspect", "--type=container", *names))
    return found


def last_lines(name: str) -> str:
    """Give the end of what a container wrote, both outputs."""
    return commands.run(["docker", "logs", f"--tail={LAST_LINES}", name]).output
