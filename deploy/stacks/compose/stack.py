"""Docker Compose as a stack that is rolled: a surge, one container more until the old one has drained.

A new replica gets no visitors before it has proved itself: it is started outside the network that nginx reaches
replicas over, and joins it once a message came through. The image's serving name moves at the very end, so that
`docker compose up` brings what serves; while a replica is made it names the new release for a second.
"""

import os
import re
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Never

from deploy.effects.client.address import Address
from deploy.errors import BadInputError, StackError
from deploy.model.config import ROOT, Config, load
from deploy.model.health import EDGE, READY
from deploy.model.sections import Site
from deploy.stacks import owner
from deploy.stacks.compose import changes, data, edge, sources
from deploy.stacks.compose.beside import Beside
from deploy.stacks.compose.docker import Container, containers, docker, inspect, last_lines
from deploy.stacks.compose.images import Images, holds
from deploy.stacks.compose.processes import Processes
from deploy.stacks.compose.project import Project, home
from deploy.stacks.local.layout import Layout
from deploy.stacks.secret_key import Act
from deploy.stacks.stack import Instance, Say
from deploy.text.compose import places, words
from deploy.text.compose.file import FILE, PRIVATE, VARIABLES, compose_file, variables

EDGE_SECONDS = 20  # for a replica to find nginx, if there is one; then the rollout goes on all the same
DNS_SECONDS = 2.5  # nginx asks Docker's DNS every second, and waits as long for it
# In a replica: nginx has no name for it before it joins. One of before this header says nothing, and is not waited for.
UNTIL_IT_FINDS_NGINX = f"""
import http.client, time
def word():
    asked = http.client.HTTPConnection("127.0.0.1", {places.WEB}, timeout=4)
    try:
        asked.request("GET", "{READY}")
        return asked.getresponse().headers.get("{EDGE}")
    except (OSError, http.client.HTTPException):
        return "away"
over = time.monotonic() + {EDGE_SECONDS}
while word() == "away" and time.monotonic() < over:
    time.sleep(0.1)
"""
UNKNOWN = re.compile(r"(?:PARLEY_MODEL|parley\.toml): (\S+): unknown key")  # as `setup` of a release says it


def installed(env: str, project: Path | None = None) -> "ComposeStack":
    """Open the stack of this checkout, or of a project; raises BadInputError where none runs, or parley.toml says
    something else.
    """
    config = load(env=env, project=project)
    folder = home(config)
    file = (folder or ROOT) / FILE
    named = FILE if folder is None else str(file)
    render = f"./parley render compose --env {env}" + (" --out ." if folder is None else f" --project {project}")
    if folder:
        owner.require(config, Layout.of(config, None).owner)
        if not file.is_file():
            raise BadInputError(f"{named} is not there: run {render}")
    if file.read_text(encoding="utf-8") != compose_file(config, env, folder) or not _has_variables(config, folder):
        raise BadInputError(f"{named} does not match parley.toml: run {render}")
    stack = ComposeStack(Project.here(os.environ, folder or ROOT), config, env)
    if not stack.instances():
        raise BadInputError(
            f"no container of the project {stack.project.name} runs: run docker compose -f {named} up -d --wait"
        )
    return stack


def _has_variables(config: Config, folder: Path | None) -> bool:
    """Tell whether what `setup` reads is what [project.env] says now."""
    if folder is None or not config.project.env:
        return True
    file = folder / PRIVATE / VARIABLES
    return file.is_file() and file.read_text(encoding="utf-8") == variables(config)


class ComposeStack:
    """See deploy/stacks/stack.py for what each verb promises."""

    name = "compose"

    def __init__(self, project: Project, config: Config, env: str = "compose") -> None:
        self.project = project
        self.config = config
        self.images = Images(project, sources.of(config, env))
        self.words = words.of(config)
        self.beside = Beside(project, config)
        self._processes = Processes(project, config)
        self.url = f"{self._site.origin('localhost')}/"
        self.folder = ROOT / ".parley" / project.name
        self.backups = self.folder / "backups"
        self.database = data.database(project, config)
        self.media = data.media(project, config)
        self.store = data.store(project, config)

    @property
    def _site(self) -> Site:
        return self.config.site.model_copy(update={"port": self.project.https})

    @property
    def address(self) -> Address:
        """Reach it from this host; behind a proxy at the probe's port, since Docker hides that this host asks."""
        if self._site.has_tls:
            return Address.of(self._site)
        [edge, *_] = containers(self.project.name, "edge")
        ip = edge["NetworkSettings"]["Networks"][self.project.front]["IPAddress"]
        return Address.at(self.url).bound(f"{ip}:{places.BESIDE}")

    def instances(self) -> Sequence[Instance]:
        """List the replicas that nginx knows."""
        return [_instance(one) for one in self._replicas() if self._is_known(one)]

    def processes(self) -> Sequence[str]:
        """Name the containers that run of [project.processes] and [project.schedule]."""
        return [str(one["Name"]).removeprefix("/") for one in self._processes.found() if one["State"]["Running"]]

    def config_of(self, release: str) -> Config:  # noqa: ARG002 (the Compose file is of the folder that was named)
        """Give what the folder says, for every release."""
        return self.config

    def has_processes(self, release: str) -> bool:  # noqa: ARG002
        """Look at parley.toml, and for containers."""
        return bool(self._processes.services or self._processes.found())

    def pid(self, name: str) -> int | None:
        """Give the first process of a container; nginx and redis by these names."""
        service = {"nginx": "edge", "redis": "redis"}.get(name)
        found = containers(self.project.name, service) if service else inspect(name)
        return next((int(one["State"]["Pid"]) for one in found if one["State"]["Running"]), None)

    def stage(self, source: str | None) -> str:
        """Build a checkout's image, or take one that is built; raise BadInputError for a .env that `setup` refuses."""
        self.beside.require()
        changes.require(self.project, self.config)
        self._keep()
        return self.images.stage(source)

    def staged(self, release: str) -> bool:
        """Tell whether there is an image of it."""
        return self.images.has(release)

    def check(self, release: str) -> None:
        """Import everything with the stack's own settings, and have nginx read what this release renders."""
        once = self.project.once
        with _known(release):
            rendered = self._rendered(release)  # first: what it refuses, nobody has read yet
            edge.require(self.project, rendered)
            self.beside.bring(release)
        once(release, "migrate", *self.words.manage, "check", "--fail-level=ERROR")
        once(release, "migrate", "python", "-m", "gunicorn", "--check-config", *self.words.server)

    def plan(self, release: str) -> str:
        """Ask the image, in a container of its own."""
        self._keep()
        return self.project.once(release, "migrate", *self.words.plan)

    def migrate(self, release: str) -> None:
        """Run the one-shot service of this release."""
        self._keep()
        self.project.once(release, "migrate")

    def publish(self, release: str) -> None:
        """Put its static files into the volume."""
        self.project.once(release, "setup", *self.words.deploy, "setup", "--only", "static")

    def manage(self, release: str, *arguments: str) -> str:
        """Run manage.py in a container of its own."""
        self._keep()
        return self.project.once(release, "migrate", *self.words.manage, *arguments)

    def move(self, release: str, snapshot: Path) -> str:
        """Run it in a container of its own, which finds the file's folder at the same place."""
        self._keep()
        return self.project.once(release, "migrate", *self.words.move, str(snapshot), mount=snapshot.parent)

    def become_manage(self, *arguments: str) -> Never:
        """Become a container of its own: a replica that is full or hangs is not asked."""
        self._keep()
        self.project.become(self.instances()[0].release, "migrate", *self.words.manage, *arguments)

    def secret_key(self, act: Act) -> list[str]:
        """Have the one-shot service that made the file change it."""
        self._keep()
        command = (*self.words.deploy, "key-file", str(places.APP / "secret_key"), act)
        return self.project.once(self.instances()[0].release, "setup", *command).splitlines()

    def stop(self, instance: Instance) -> None:
        """Stop its container, which stays."""
        docker("stop", instance.name)  # with the grace that the Compose file gives

    def start(self, instance: Instance) -> None:
        """Start its container; one that still drains counts as running, and to start it would do nothing."""
        docker("stop", instance.name)
        docker("start", instance.name)

    def stop_processes(self, names: Sequence[str]) -> None:
        """Stop their containers, which stay."""
        docker("stop", *names)  # with the grace that each was given

    def start_processes(self, names: Sequence[str]) -> None:
        """Start their containers, once each has ended."""
        docker("stop", *names)
        docker("start", *names)

    def renew_processes(self, release: str) -> None:
        """Start this release's, and stop those of before, which stay."""
        self._processes.renew(self.images.serving(release))

    def put_back_processes(self) -> Sequence[str]:
        """Start those again, and remove the new ones."""
        return self._processes.put_back()

    def wanted(self) -> int:
        """Give what PARLEY_REPLICAS says, or parley.toml."""
        return self.project.replicas

    def replace(self, old: Instance, release: str) -> Instance:  # noqa: ARG002 (the old one serves on)
        """Start one more replica."""
        return self.add(release)

    def add(self, release: str) -> Instance:
        """Start one more replica, which nginx does not know yet."""
        self._remove_unknown()
        before = {one["Id"] for one in self._replicas()}
        # Not --no-deps: Compose would digest a service without dependencies, and make it anew at the next plain `up`.
        surge = ("up", "--no-start", "--no-recreate", "--no-build", "--pull=never")
        with self.images.serving(release):
            self.project.compose(*surge, "--scale", f"web={len(before) + 1}", "web")
        made = next((one for one in self._replicas() if one["Id"] not in before), None)
        if made is None:
            raise StackError("Compose made no container")
        docker("network", "disconnect", self.project.front, made["Id"])
        docker("start", made["Id"])
        return _instance(inspect(made["Id"])[0])

    def ready(self, instance: Instance) -> bool:
        """Ask its healthcheck, which asks /readyz; one that was started again already has failed."""
        now = inspect(instance.name)[0]
        if now["State"]["Running"] and now["State"]["Health"]["Status"] == "healthy":
            return True
        if now["RestartCount"] or not now["State"]["Running"]:
            said = last_lines(instance.name)
            raise StackError(f"{instance.name} ended, exit status {now['State']['ExitCode']}:\n{said}")
        return False

    def probe(self, instance: Instance, ticket: str) -> None:
        """Send the message inside the container: from outside nothing but nginx reaches it."""
        command = (*self.words.deploy, "probe", f"127.0.0.1:{places.WEB}")
        docker("exec", "--interactive", f"--workdir={places.HOME}", instance.name, *command, given=ticket)

    def retire(self, old: Instance, new: Instance) -> None:
        """Let nginx find the new one, then have the old one drain, and remove it."""
        self.join(new)
        self.remove(old)

    def join(self, new: Instance) -> None:
        """Let nginx find it."""
        docker("network", "connect", "--alias=web", self.project.front, new.name)
        found = time.monotonic() + DNS_SECONDS  # nginx tells nobody when it has asked
        # A reload that it does not notice cuts its sockets, and there may be one at the end of the rollout.
        with suppress(StackError):  # it proved itself before: what went wrong since is the doctor's to find
            docker("exec", new.name, "python", "-E", "-c", UNTIL_IT_FINDS_NGINX)
        time.sleep(max(0.0, found - time.monotonic()))

    def remove(self, old: Instance) -> None:
        """Have it drain, and remove it."""
        docker("stop", old.name)  # with the grace that the Compose file gives
        docker("rm", old.name)

    def put_back(self, old: Instance, new: Instance | None) -> None:  # noqa: ARG002 (both never served or never stopped)
        """Remove what never served."""
        self.discard()

    def discard(self) -> None:
        """Remove what never served."""
        self._remove_unknown()

    def finish(self, release: str) -> None:
        """Move the serving name, have nginx read files that differ, and take along what runs beside the replicas.

        What else differs stays as it is: a server that is made anew is missed by everybody.
        """
        self._processes.forget()  # first: `docker compose start` after a failure below would start both
        rendered = self._rendered(release)
        edge.require(self.project, rendered)
        is_to_be_told = edge.is_to_be_told(self.project, rendered)
        self.images.serve(release)
        # Removed, and not replaced: what Compose replaces, it replaces or stops with all that depends on it, and on
        # `setup` nearly everything does.
        self.project.compose("rm", "--force", "setup", "migrate")
        made = ("up", "--detach", "--no-recreate", "--no-build", "--pull=never")
        self.project.compose(*made, "migrate")  # before anything is removed that is to run again after it
        renewed = self.beside.renew()
        first = "cleanup" if self.config.project.hooks.cleanup else "migrate"
        # acme depends on the edge, and so on the replicas, whose number is nobody's affair here.
        scale = ("--scale", f"web={len(self._replicas())}") if "acme" in renewed else ()
        self.project.compose(*made, *scale, *sorted({first, *self._processes.services, *renewed}))
        if is_to_be_told:
            edge.reload(self.project)

    def settle(self, say: Say, *, again: bool) -> None:
        """Make nginx's container anew where `again` asks for it, and say what else `docker compose up` would."""
        differing = changes.differing(self.project)
        if "edge" in differing and again:
            say("edge: Docker has to create it again: nobody gets in while it drains and starts")
            edge.renew(self.project)
            differing = changes.differing(self.project)
        if differing:
            what = f"{', '.join(sorted(differing))}: changed, and left as it is"
            say(f"{what}: `docker compose up` creates it again, and the site is away meanwhile")

    def _rendered(self, release: str) -> str:
        """Have this release render nginx's files, and give their folder."""
        said = self.project.once(release, "setup", *self.words.deploy, "setup", "--only", "nginx")
        return said.strip().splitlines()[-1].rpartition(": ")[2]

    def _keep(self) -> None:
        """See that what serves has its release's name: `docker compose build` gives it the serving name alone."""
        self.images.keep(one["Image"] for one in self._replicas())

    def _replicas(self) -> list[Container]:
        return containers(self.project.name, "web")

    def _is_known(self, container: Container) -> bool:
        """Tell whether nginx can reach it."""
        return self.project.front in container["NetworkSettings"]["Networks"]

    def _remove_unknown(self) -> None:
        """Remove replicas that nginx was never told of: what a rollout that failed or was killed left."""
        for one in self._replicas():
            if not self._is_known(one):
                docker("rm", "--force", one["Id"])


@contextmanager
def _known(release: str) -> Iterator[None]:
    """Name the way out where a release refuses a key of this checkout: the oldest ones left none out."""
    try:
        yield
    except StackError as error:
        if not (found := UNKNOWN.search(str(error))):
            raise
        raise BadInputError(
            f"{release} is from before the key {found[1]}, and this checkout renders its files with it:"
            " check out that release's own commit in this folder, and run the same command again"
        ) from None


def _instance(container: Container) -> Instance:
    name = container["Name"].removeprefix("/")
    return Instance(name, holds(container["Image"]), running=container["State"]["Running"])
