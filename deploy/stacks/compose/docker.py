"""What the Docker engine is asked."""

import json
from typing import Any

from deploy import runner

LAST_LINES = 15

Container = dict[str, Any]  # as `docker inspect` has it


def docker(*arguments: str, given: str = "") -> str:
    """Run `docker` and give its stdout; raises StackError with its last lines."""
    return runner.output(["docker", *arguments], given=given).strip()


def containers(project: str, service: str) -> list[Container]:
    """Give a service's containers, stopped ones too, by their number."""
    labels = {"project": project, "service": service, "oneoff": "False"}
    wanted = [f"--filter=label=com.docker.compose.{key}={value}" for key, value in labels.items()]
    ids = docker("ps", "--all", "--quiet", *wanted).split()
    found = inspect(*ids) if ids else []
    return sorted(found, key=lambda one: int(one["Config"]["Labels"]["com.docker.compose.container-number"]))


def inspect(*names: str) -> list[Container]:
    """Give containers by name or id; raises StackError for one that there is not."""
    found: list[Container] = json.loads(docker("inspect", "--type=container", *names))
    return found


def last_lines(name: str) -> str:
    """Give the end of what a container wrote, both outputs."""
    return runner.run(["docker", "logs", f"--tail={LAST_LINES}", name]).output
