"""One Compose project on this machine: what `docker compose` says of it, and the commands that are asked of it."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Never

from deploy.effects import commands
from deploy.errors import BadInputError, StackError
from deploy.model.config import ROOT, Config
from deploy.stacks.compose import checkout
from deploy.text.compose import places
from deploy.text.compose.file import FILE
from deploy.text.environment import superuser

COMPOSE = ("docker", "compose", "--file", FILE, "--progress", "quiet")


def home(config: Config) -> Path | None:
    """Return the folder of a project's Compose file; None: it is the checkout's."""
    return None if config.is_own else ROOT / ".parley" / config.site.name / "compose"


@dataclass(frozen=True)
class Project:
    """The facts that .env and the variables of whoever operates it decide."""

    name: str
    site: str  # site.name of this host: the project's, unless .env says another
    image: str  # under which `docker compose up` takes the release that serves
    https: int  # this host's port
    front: str  # the network over which nginx reaches the replicas
    variables: Mapping[str, str]  # of the operator: they stand over .env, and may name another project
    home: Path = ROOT  # where the Compose file is
    replicas: int = 1  # that .env or parley.toml asks for
    told: Mapping[str, str] = field(default_factory=dict, repr=False)  # what `setup` is given

    @classmethod
    def here(cls, variables: Mapping[str, str], home: Path | None = None) -> "Project":
        """Ask Compose about a folder's file; raises BadInputError where it cannot say, or for another's name."""
        variables = {**variables, "PWD": checkout.shell(variables)}
        try:
            found = json.loads(
                commands.output([*COMPOSE, "config", "--format", "json"], env=variables, cwd=home or ROOT)
            )
        except StackError as error:
            raise BadInputError(f"{FILE}: {error}") from None
        services = found["services"]
        ports = {port["target"]: int(port["published"]) for port in services["edge"]["ports"]}
        front = found["networks"]["front"]["name"]
        return cls(
            name=found["name"],
            site=services["web"]["environment"]["PARLEY_NAME"],
            image=services["web"]["image"],
            https=ports[places.HTTPS],
            front=front,
            replicas=int(services["web"]["deploy"]["replicas"]),
            told={name: text.replace("$$", "$") for name, text in services["setup"]["environment"].items()},
            home=home or ROOT,
            variables={**variables, "PARLEY_CHECKOUT": checkout.owner(found, ports[places.HTTPS], home)},
        )

    @property
    def repository(self) -> str:
        """The image's name without its tag: releases are tags beside it."""
        name, colon, tag = self.image.rpartition(":")
        return name if colon and "/" not in tag else self.image  # a registry's port is no tag

    def of(self, release: str) -> str:
        """Name a release's image."""
        return f"{self.repository}:{release}"

    def compose(self, *arguments: str, image: str | None = None) -> str:
        """Run `docker compose`, with another image in the place of the serving one; give its stdout."""
        env = {**self.variables, **({"PARLEY_IMAGE": image} if image else {})}
        return commands.output([*COMPOSE, *arguments], env=env, cwd=self.home)

    def once(self, release: str, service: str, *command: str, mount: Path | None = None) -> str:
        """Run a service of this release once, beside what runs, with another command; give its stdout.

        `mount` is a folder of this host that it reads.
        """
        volume = (f"--volume={mount}:{mount}:ro",) if mount else ()
        words = ("run", "--rm", "--no-deps", "--no-TTY", *volume, service, *command)
        return self.compose(*words, image=self.of(release))

    def become(self, release: str, service: str, *command: str) -> Never:
        """Become a service of this release with another command, on this terminal if it is one."""
        plain = () if commands.on_terminal() else ("--no-TTY",)
        handed = [f"--env={name}" for name in superuser(self.variables)]  # not the value: everybody may list arguments
        words = [*COMPOSE, "run", "--rm", "--no-deps", *plain, *handed, service, *command]
        commands.become(words, env={**self.variables, "PARLEY_IMAGE": self.of(release)}, cwd=self.home)

    def digests(self) -> dict[str, str]:
        """Give, for each service, what Compose writes on a container of it as it is to be now."""
        words = (line.split() for line in self.compose("--profile", "*", "config", "--hash", "*").splitlines())
        return {line[0]: line[1] for line in words}

    def edge(self, *command: str) -> str:
        """Run a command in nginx's container."""
        return self.compose("exec", "--no-TTY", "edge", *command)
