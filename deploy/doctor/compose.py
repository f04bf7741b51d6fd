"""The project of docker-compose.prod.yml on this machine, as the doctor looks at it."""

import json
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import msgspec

from deploy import render, runner
from deploy.capacity import capacity
from deploy.config import ROOT, load
from deploy.doctor import packages
from deploy.doctor.check import NotApplicable
from deploy.doctor.patient import Patient, Replica, Ticket
from deploy.drill.address import Address
from deploy.errors import BadInputError, StackError
from deploy.facts import PREFIX
from deploy.release import release
from deploy.stacks.compose import places, site, stack, variables
from deploy.stacks.compose.docker import Container, containers, docker, inspect
from deploy.stacks.compose.project import COMPOSE
from deploy.stacks.compose.setup import STACK, fitting

MET = ("web", "edge", "redis", "postgres")  # whoever visits the site meets these, and other checks ask them
CERTIFICATE = places.CERTIFICATE.name
NAME_AND_LINE = ("grep", "-rH", "")  # the files of a folder as one text, each line with its file's name in front


def patient(env: str | None, **options: Any) -> Patient:
    """Find the project of this checkout."""
    config = load(env=env or STACK)
    try:
        body = ComposeBody(stack.installed(env or STACK))
    except (BadInputError, StackError, OSError) as error:
        return Patient(STACK, config, capacity(config, config.limits.open_files), None, str(error), **options)
    return Patient(STACK, body.config, body.size, body, **options)


class ComposeBody:
    """Asks Docker, the containers, and their ports; see Body."""

    def __init__(self, found: stack.ComposeStack) -> None:
        self.stack = found
        self.project = found.project
        self.address = Address.at(found.url)
        self.config = variables.config(self._setup["environment"], self._toml())
        self.size = fitting(self.config)
        self.release = found.instances()[0].release
        self._written: dict[str, list[str]] = {}  # what a container reads from files, by its id

    def replicas(self) -> Sequence[Replica]:
        """List the containers that nginx knows."""
        return [self._replica(inspect(one.name)[0]) for one in self.stack.instances()]

    def beside(self) -> Mapping[str, bool]:
        """Ask Docker for each service that stays, of the profiles that .env names."""
        stay = [name for name, one in self._services.items() if one.get("restart") and name not in MET]
        return {name: any(_well(one) for one in containers(self.project.name, name)) for name in stay}

    def nginx(self) -> int | None:
        """Give the first process of the edge."""
        return self.stack.pid("nginx")

    def nginx_files(self) -> Mapping[str, str]:
        """Read them where nginx does, once: each look into a container takes its time."""
        return self._nginx_files

    @cached_property
    def _nginx_files(self) -> Mapping[str, str]:
        found: dict[str, str] = {}
        for line in self.project.edge(*NAME_AND_LINE, f"{places.CURRENT}/").splitlines():
            path, _, text = line.partition(":")
            name = Path(path).name
            found[name] = f"{found.get(name, '')}{text}\n"
        return found

    def modelled_nginx(self) -> Mapping[str, str]:
        """Render what `setup` does."""
        self._is_own()
        return render.nginx(self.config, site.nginx(self.config, self.size))

    def modelled_app(self) -> Mapping[str, str]:
        """Give what the Compose file and the files that it names give."""
        self._is_own()
        written = {f"{PREFIX}{name.upper()}": text for name, text in site.files(self.config, self.size).items()}
        return {**site.app(self.config, self.size), **written, "PARLEY_NAME": self.project.site}

    def accept(self) -> None:
        """Run nginx -t in its container."""
        self.project.edge("nginx", "-t", "-q", "-e", "stderr", "-c", f"{places.CURRENT}/nginx.conf")

    def upstreams(self) -> Sequence[str]:
        """Docker's DNS names all of them at once."""
        return [f"web:{places.WEB}"]

    def kill_seconds(self, replica: Replica) -> int:
        """Ask Docker."""
        return int(inspect(replica.name)[0]["Config"]["StopTimeout"])

    def installed(self, names: Sequence[str]) -> Mapping[str, str]:
        """Ask the Python of the image that serves."""
        self._is_own()
        code = Path(packages.__file__).read_text(encoding="utf-8")
        said = docker("exec", "--interactive", self._first, "python", "-", *names, given=code)
        return msgspec.json.decode(said, type=dict[str, str])

    def certificate(self) -> bytes:
        """Read what the edge is given; one that was started by an earlier release serves that itself."""
        folder = f'folder={places.GIVEN}; [ -d "$folder" ] || folder={places.TLS}; cat "$folder/{CERTIFICATE}"'
        return self.project.edge("sh", "-c", folder).encode()

    def folders(self) -> Sequence[Path]:
        """Give where Docker keeps its volumes."""
        return [Path(docker("info", "--format={{.DockerRootDir}}"))]

    def secrets(self) -> Sequence[Path]:
        """They lie in volumes."""
        return ()

    def layer(self) -> str:
        """Read its URL, with the address under which this machine reaches the stack's own Redis."""
        return self._layer

    @cached_property
    def _layer(self) -> str:
        url = docker("exec", self._first, "cat", str(places.APP / site.file("PARLEY_LAYER_URL")))
        parts = urlsplit(url)
        if not self.config.brings_redis:
            return url
        [redis] = containers(self.project.name, "redis")
        return parts._replace(netloc=parts.netloc.replace("@redis:", f"@{_address(redis)}:")).geturl()

    def open_ticket(self) -> Ticket:
        """Ask manage.py in a replica."""
        command = ("python", "manage.py", "probe")
        said = docker("exec", f"--workdir={places.HOME}/app", self._first, *command)
        return msgspec.json.decode(said.splitlines()[-1], type=Ticket)

    @property
    def _first(self) -> str:
        """Name a replica that runs."""
        for one in self.stack.instances():
            if one.running:
                return one.name
        raise StackError("no replica runs")

    @property
    def _setup(self) -> dict[str, Any]:
        """Give what Compose makes of the service that knows .env."""
        found: dict[str, Any] = self._services["setup"]
        return found

    @cached_property
    def _services(self) -> dict[str, Any]:
        """Give what Compose makes of all of them, without those of a profile that nobody asked for."""
        said = runner.output([*COMPOSE, "config", "--format", "json"], env=self.project.variables, cwd=ROOT)
        found: dict[str, Any] = json.loads(said)["services"]
        return found

    def _toml(self) -> Path:
        """Give the file that `setup` has mounted, if it has."""
        mounted = [Path(one["source"]) for one in self._setup["volumes"] if one["target"] == str(places.TOML)]
        return mounted[0] if mounted else places.TOML

    def _replica(self, container: Container) -> Replica:
        name = container["Name"].removeprefix("/")
        if not container["State"]["Running"]:
            return Replica(name, None, self.address, {})
        environment = dict(one.split("=", 1) for one in container["Config"]["Env"])
        files = [environment[f"{variable}_FILE"] for variable in site.BY_FILE]
        if container["Id"] not in self._written:
            self._written[container["Id"]] = _each(name, files)
        environment |= dict(zip(site.BY_FILE, self._written[container["Id"]], strict=True))
        bound = f"{_address(container, self.project.front)}:{places.WEB}"
        return Replica(name, container["State"]["Pid"], self.address.bound(bound), environment)

    def _is_own(self) -> None:
        """Raise NotApplicable where this checkout is not what serves: its templates may be others."""
        if self.release != (here := release()):
            raise NotApplicable(f"{self.release} is running, and this checkout is {here}")


def _well(container: Container) -> bool:
    """Tell whether it runs, and its health check has not given it up."""
    state = container["State"]
    return bool(state["Running"] and state.get("Health", {}).get("Status") != "unhealthy")


def _each(name: str, files: Sequence[str]) -> list[str]:
    """Read small files of a container, a line each."""
    script = 'for one; do printf "%s\\n" "$(cat "$one")"; done'
    return docker("exec", name, "sh", "-c", script, "-", *files).splitlines()


def _address(container: Container, network: str | None = None) -> str:
    """Give a container's address in a network, or in its first."""
    found = container["NetworkSettings"]["Networks"]
    return str((found[network] if network else next(iter(found.values())))["IPAddress"])
