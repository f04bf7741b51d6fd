"""The project of docker-compose.prod.yml on this machine, as the doctor looks at it."""

import json
import shlex
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from functools import cached_property
from ipaddress import ip_network
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import msgspec

from deploy.effects import commands
from deploy.errors import BadInputError, StackError
from deploy.model.capacity import capacity
from deploy.model.config import load
from deploy.model.paths import Paths
from deploy.operations.doctor import packages
from deploy.operations.doctor.check import NotApplicable
from deploy.operations.doctor.target import SAID, Bridge, Replica, Target, Ticket
from deploy.stacks.compose import stack, variables
from deploy.stacks.compose.docker import Container, containers, docker, inspect, of_project, service_of
from deploy.stacks.compose.setup import STACK, fitting
from deploy.stacks.local import application
from deploy.stacks.local.application import Facts
from deploy.stacks.local.supervised import STABLE_SECONDS
from deploy.text import render, run
from deploy.text.compose import places, site
from deploy.text.readback import PREFIX

MET = ("web", "edge", "redis", "postgres")  # whoever visits the site meets these, and other checks ask them
CERTIFICATE = places.CERTIFICATE.name
NAME_AND_LINE = ("grep", "-rH", "")  # the files of a folder as one text, each line with its file's name in front


def target(env: str | None, project: Path | None = None, **options: Any) -> Target:
    """Find the stack of this checkout, or of a project."""
    config = load(env=env or STACK, project=project)
    try:
        adapter = ComposeAdapter(stack.installed(env or STACK, project))
    except (BadInputError, StackError, OSError) as error:
        return Target(STACK, config, capacity(config, config.limits.open_files), None, str(error), **options)
    return Target(STACK, adapter.config, adapter.size, adapter, **options)


class ComposeAdapter:
    """Asks Docker, the containers, and their ports; see TargetAdapter."""

    def __init__(self, found: stack.ComposeStack) -> None:
        self.stack = found
        self.project = found.project
        self.address = found.address
        # The image of the reference chat has its [project], and the Compose file does not.
        self.config = variables.config(self._setup["environment"], self._toml()).within(found.config.folder)
        self.size = fitting(self.config)
        self.release = found.instances()[0].release
        self._written: dict[str, list[str]] = {}  # what a container reads from files, by its id

    def replicas(self) -> Sequence[Replica]:
        """List the containers that nginx knows."""
        return [self._replica(inspect(one.name)[0], one.release) for one in self.stack.instances()]

    def beside(self) -> Mapping[str, bool]:
        """Ask Docker for each service that stays, of the profiles that .env names."""
        stay = [name for name, one in self._services.items() if one.get("restart") and name not in MET]
        return {name: _are_well(containers(self.project.name, name)) for name in stay}

    def said(self) -> Mapping[str, str]:
        """Ask Docker for what each container of the app wrote since it was started."""
        found = [one for one in of_project(self.project.name) if one["State"]["Running"]]
        names = {str(one["Name"]).removeprefix("/"): one for one in found if _is_of_the_app(service_of(one))}
        return {name: _log(one) for name, one in names.items()}

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
        return render.nginx(self.config, site.nginx(self.config, self.size, self._paths()))

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
        if not self.config.is_own:
            raise NotApplicable("the project's packages are in an environment of its own")
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

    def bridge(self) -> Bridge:
        """Ask Docker; over the other one of nginx's two networks it reaches the replicas."""
        edges = containers(self.project.name, "edge")
        names = {name for edge in edges for name in edge["NetworkSettings"]["Networks"]} - {self.project.front}
        networks = json.loads(docker("network", "inspect", *names))
        subnets = {ip_network(one["Subnet"], strict=False) for found in networks for one in found["IPAM"]["Config"]}
        engine = docker("version", "--format={{.Server.Version}}").partition(".")[0]
        return Bridge(frozenset(map(str, subnets)), int(engine))

    def layer(self) -> str:
        """Read its URL, with the address under which this machine reaches the stack's own Redis."""
        return self._layer

    @cached_property
    def _layer(self) -> str:
        url = docker("exec", self._first, "cat", str(places.APP / site.file("PARLEY_LAYER_URL")))
        parts = urlsplit(url)
        if not self.config.brings_redis:  # the authority's file lies elsewhere on this machine
            return url.replace(f"={places.REDIS_CA}", f"={quote(self.config.redis.ca_file)}")
        [redis] = containers(self.project.name, "redis")
        return parts._replace(netloc=parts.netloc.replace("@redis:", f"@{_address(redis)}:")).geturl()

    def open_ticket(self) -> Ticket:
        """Ask manage.py in a replica."""
        if not (probe := self.stack.config.project.hooks.probe):
            raise NotApplicable("the project has no [project.hooks].probe, which prints a ticket")
        said = docker("exec", self._first, *self.stack.words.manage, *shlex.split(probe))
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
        found: dict[str, Any] = json.loads(self.project.compose("config", "--format", "json"))["services"]
        return found

    def _toml(self) -> Path:
        """Give the file that `setup` has mounted, if it has."""
        mounted = [Path(one["source"]) for one in self._setup["volumes"] if one["target"] == str(places.TOML)]
        return mounted[0] if mounted else places.TOML

    def _replica(self, container: Container, release: str) -> Replica:
        name = container["Name"].removeprefix("/")
        if not container["State"]["Running"]:
            return Replica(name, None, self.address, {})
        environment = dict(one.split("=", 1) for one in container["Config"]["Env"])
        files = [environment[f"{variable}_FILE"] for variable in site.BY_FILE]
        if container["Id"] not in self._written:
            self._written[container["Id"]] = _each(name, files)
        environment["PARLEY_RELEASE"] = release  # it reads its image's file
        environment |= dict(zip(site.BY_FILE, self._written[container["Id"]], strict=True))
        bound = f"{_address(container, self.project.front)}:{places.WEB}"
        return Replica(name, container["State"]["Pid"], self.address.bound(bound), environment)

    def _paths(self) -> Paths | None:
        """Give where a project has its files and sockets: it said so while its image was built, as `setup` reads it."""
        if self.config.is_own:
            return None
        said = docker("exec", self._first, "cat", str(places.FACTS))
        return application.paths(self.config, Facts.of(json.loads(said)))

    def _is_own(self) -> None:
        """Raise NotApplicable where this checkout, or the project's folder, is not what serves: it may say another."""
        source = self.stack.images.source
        if self.release != (here := source.release()):
            raise NotApplicable(f"{self.release} is running, and {source.folder} is {here}")


def _are_well(found: Sequence[Container]) -> bool:
    """Tell whether there are some, and all are well."""
    return bool(found) and all(map(_well, found))


def _well(container: Container) -> bool:
    """Tell whether it runs, its health check has not given it up, and it is not started again and again."""
    state = container["State"]
    if not state["Running"] or state.get("Restarting") or state.get("Health", {}).get("Status") == "unhealthy":
        return False
    age = (datetime.now(UTC) - datetime.fromisoformat(state["StartedAt"])).total_seconds()
    return not container["RestartCount"] or age > STABLE_SECONDS


def _is_of_the_app(service: str) -> bool:
    return service in {"web", "cleanup"} or service.startswith(run.KINDS)


def _log(container: Container) -> str:
    words = ["docker", "logs", f"--since={container['State']['StartedAt']}", f"--tail={SAID}", container["Id"]]
    done = commands.run(words)
    if done.status:
        raise StackError(done.output)
    return done.output


def _each(name: str, files: Sequence[str]) -> list[str]:
    """Read small files of a container, a line each."""
    script = 'for one; do printf "%s\\n" "$(cat "$one")"; done'
    return docker("exec", name, "sh", "-c", script, "-", *files).splitlines()


def _address(container: Container, network: str | None = None) -> str:
    """Give a container's address in a network, or in its first."""
    found = container["NetworkSettings"]["Networks"]
    return str((found[network] if network else next(iter(found.values())))["IPAddress"])
