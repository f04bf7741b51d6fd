"""The stack of docker-compose.prod.yml, up for tests under a name, an image and ports of its own."""

import asyncio
import contextlib
import json
import os
import shlex
import signal
import ssl
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cryptography import x509

from deploy.effects import files
from deploy.effects.client.address import Address
from deploy.model.config import load
from deploy.stacks.compose.project import Project
from deploy.stacks.compose.stack import ComposeStack
from tests.checkout import ROOT
from tests.deploy.stacks.compose.owned import left, naming
from tests.docs.pages import commands
from tests.running import free_port
from tests.waiting import PATIENCE

FILE = "docker-compose.prod.yml"
DOCUMENTED = commands(ROOT / "docs/deploying.md", "Docker Compose")
# What the page has in the place of a test's own.
WRITTEN = {"backup": "20261123T033000.123Z", "tls": "/etc/parley/tls", "front": "parley_front"}
POLL = 0.1
IN_A_ROW = 20  # a reload's old workers take connections beside the new ones for a moment


@dataclass(frozen=True)
class RunningCompose:
    """A project that is up; every answer is as of now."""

    variables: dict[str, str] = field(repr=False)  # for whatever is to act on this project, the command line too
    up_seconds: float  # from built images
    root: Path = ROOT  # the checkout

    @property
    def name(self) -> str:
        """The project's name."""
        return self.variables["COMPOSE_PROJECT_NAME"]

    @property
    def address(self) -> Address:
        """The way through nginx."""
        return Address.at(f"https://localhost:{self.variables['PARLEY_PORT']}")

    @property
    def http_port(self) -> int:
        """Where plain http answers."""
        return int(self.variables["PARLEY_HTTP_PORT"])

    @property
    def stack(self) -> ComposeStack:
        """What rollout, backup and drill act on."""
        return ComposeStack(Project.here(self.variables), load(env="compose"))

    def compose(self, *arguments: str) -> str:
        """Run `docker compose` on it and give what it wrote; a failure has all of it."""
        return command("docker", "compose", "--file", FILE, *arguments, env=self.variables, root=self.root)

    def road(self, line: str, root: Path = ROOT, **others: str) -> str:
        """Run a command of docs/deploying.md in a checkout, `others` in the place of its words; give what it says."""
        return road(line, self.variables, root, **others)

    def parley(self, *arguments: str, given: str = "") -> subprocess.CompletedProcess[str]:
        """Run `./parley` on it with an input, without the launcher."""
        python = [str(ROOT / ".venv/bin/python"), "-P", "-m", "deploy"]
        env = {**self.variables, "PYTHONPATH": str(ROOT)}
        command = [*python, *arguments]
        return subprocess.run(command, cwd=ROOT, env=env, input=given, capture_output=True, text=True, check=False)

    def containers(self, service: str = "", *, stopped: bool = False) -> list[dict[str, Any]]:
        """Give what `docker inspect` says of a service's containers, or of all, by name."""
        labels = [f"--filter=label=com.docker.compose.project={self.name}"]
        labels += [f"--filter=label=com.docker.compose.service={service}"] if service else []
        ids = command("docker", "ps", "--quiet", *labels, *(["--all"] if stopped else [])).split()
        found: list[dict[str, Any]] = json.loads(command("docker", "inspect", *ids)) if ids else []
        return sorted(found, key=lambda one: str(one["Name"]))

    def instances(self) -> set[str]:
        """Give the replicas as `welcome.instance` names them."""
        return {one["Config"]["Hostname"] for one in self.containers("web")}

    def kill(self, service: str, number: int = 0) -> None:
        """Kill a container's first process from this machine: Docker takes its own `kill` for a wish to stop it."""
        os.kill(self.containers(service)[number]["State"]["Pid"], signal.SIGKILL)

    def until_healthy(self, *, restarted: dict[str, int] | None = None) -> None:
        """Wait until each container that stays is healthy; those in `restarted` after so many restarts more."""
        deadline = time.monotonic() + PATIENCE
        while unwell := [one["Name"] for one in self.containers(stopped=True) if not _is_well(one, restarted or {})]:
            assert time.monotonic() < deadline, f"not healthy: {unwell}\n{self.compose('ps', '--all')}"
            time.sleep(POLL)

    def issuer(self) -> str:
        """Ask nginx for its certificate and give who signed it."""
        pem = ssl.get_server_certificate(("127.0.0.1", self.address.port), timeout=5)
        return x509.load_pem_x509_certificate(pem.encode()).issuer.rfc4514_string()

    async def signed_by(self, issuer: str) -> None:
        """Wait until nginx has read the certificate of that issuer, and no worker of before takes connections."""
        seen = 0
        async with asyncio.timeout(PATIENCE):
            while seen < IN_A_ROW:
                if await asyncio.to_thread(self.issuer) == issuer:
                    seen += 1
                else:
                    seen = 0
                    await asyncio.sleep(POLL)

    def restarts(self) -> dict[str, int]:
        """Give how often Docker has started each container again."""
        return {one["Name"]: one["RestartCount"] for one in self.containers(stopped=True)}


def road(line: str, env: dict[str, str], root: Path = ROOT, **others: str) -> str:
    """Run a command of docs/deploying.md, `./parley` without the launcher; a failure has all that it wrote."""
    assert line in DOCUMENTED, line
    for name, other in others.items():
        line = line.replace(WRITTEN[name], other)
    words = shlex.split(line.removeprefix("sudo "))
    if words[0] == "./parley":
        words[:1] = [str(ROOT / ".venv/bin/python"), "-P", "-m", "deploy"]
        env = {**env, "PYTHONPATH": str(root)}
    return command(*words, env=env, root=root)


def command(*words: str, env: dict[str, str] | None = None, root: Path = ROOT) -> str:
    """Run a command in the checkout and give both outputs."""
    done = subprocess.run(
        words, cwd=root, env=env, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False
    )
    assert done.returncode == 0, f"{' '.join(words)}: {done.returncode}\n{done.stdout}"
    return done.stdout


@contextlib.contextmanager
def running_compose(replicas: int = 3, root: Path = ROOT, **variables: str) -> Iterator[RunningCompose]:
    """Build the image, bring everything up as a user does, and leave nothing behind."""
    own = naming()
    name = own["COMPOSE_PROJECT_NAME"]
    given = {
        **os.environ,
        **own,
        "COMPOSE_PROGRESS": "plain",
        "PARLEY_IMAGE": f"{name}:current",
        "PARLEY_PORT": str(free_port()),
        "PARLEY_HTTP_PORT": str(free_port()),
        "PARLEY_REPLICAS": str(replicas),
        **variables,
    }
    try:
        road("docker compose -f docker-compose.prod.yml build", given, root)
        began = time.monotonic()
        try:
            road("docker compose -f docker-compose.prod.yml up -d --wait", given, root)
        except AssertionError as error:
            logs = command("docker", "compose", "--file", FILE, "logs", "--tail=20", env=given, root=root)
            raise AssertionError(f"{error}\n{logs}") from None
        yield RunningCompose(given, time.monotonic() - began, root)
    finally:
        road("docker compose -f docker-compose.prod.yml --profile acme --profile monitoring down -v", given, root)
        images = command("docker", "image", "ls", "--format={{.Repository}}:{{.Tag}}", name).split()
        if images:
            command("docker", "image", "rm", "--force", *images)
        files.remove(ROOT / ".parley" / name)
    assert left(name) == []


def _is_well(container: dict[str, Any], restarted: dict[str, int]) -> bool:
    """Tell whether a container is as it should be: a one-shot at its end, any other healthy, restarted or not."""
    state = container["State"]
    if container["HostConfig"]["RestartPolicy"]["Name"] == "no":
        return bool(state["Status"] == "exited" and state["ExitCode"] == 0)
    if container["RestartCount"] < restarted.get(container["Name"], 0):
        return False
    return bool(state["Running"] and state["Health"]["Status"] == "healthy")
