"""systemd as a stack that is rolled: in place, an instance's link and its unit at a time."""

import filecmp
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Never

from deploy.effects import commands, progress
from deploy.effects.client.address import Address
from deploy.errors import BadInputError, StackError
from deploy.model.config import Config
from deploy.stacks import secret_key, static
from deploy.stacks.secret_key import Act
from deploy.stacks.stack import HostStore, Instance, Say
from deploy.stacks.systemd import (
    apply,
    configure,
    data,
    foreign,
    host,
    identity,
    plan,
    processes,
    prune,
    readiness,
    staging,
    systemctl,
)
from deploy.stacks.systemd import source as sources
from deploy.stacks.systemd.apply import link
from deploy.stacks.systemd.steps import Folder
from deploy.text import environment
from deploy.text.systemd import places, site, whose, words
from deploy.text.systemd.places import Places


def installed(env: str, project: Path | None = None) -> "SystemdStack":
    """Open what is installed on this host; raises BadInputError where nothing is, or with another --env."""
    host.require_root("rollout --stack systemd")
    at = whose.here(env, project)
    if not at.current.is_symlink():  # an installation that ended early has written its files
        raise configure.missing(at, project)
    if env not in {"systemd", configure.env(at, project)}:
        raise BadInputError(f"this host was installed with --env {configure.env(at)}")
    config = configure.config(at, project)
    if project:
        identity.require(at, config)
    return SystemdStack(config, project)


class SystemdStack:
    """See deploy/stacks/stack.py for what each verb promises."""

    name = "systemd"

    def __init__(self, config: Config, project: Path | None = None) -> None:
        self.config = config
        self.project = project  # the folder that was named
        self.words = words.of(config)
        self.at = at = Places(config.site.name)
        self.folder = at.state
        self.backups = at.backups
        self.url = f"{config.site.origin('localhost')}/"
        self.address = Address.of(config.site)
        self.media = data.media(config, at)
        self.store: HostStore | None = None  # a backup does not have it here yet
        self.database = data.database(config, at)

    def instances(self) -> Sequence[Instance]:
        """List the instances by their links; what one runs is told by its process, for the link may be newer."""
        found = []
        for number in host.instances(self.at):
            pid = systemctl.pid(self.at.unit(number))
            release = self._release(pid) or self.at.instance(number).readlink().name
            found.append(Instance(f"web-{number}", release, running=pid is not None))
        return found

    def processes(self) -> Sequence[str]:
        """Name the units of processes, and of jobs at work, also of one that parley.toml has no more."""
        return [unit for unit in (*host.processes(self.at), *host.jobs(self.at)) if systemctl.runs(unit)]

    def config_of(self, release: str) -> Config:
        """Read the release's own parley.toml, with this host's on top."""
        toml = self.at.release(release) / places.TOML
        return configure.read(self.at, configure.env(self.at), toml) if toml.is_dir() else self.config

    def has_processes(self, release: str) -> bool:
        """Ask for units, and for what the release says."""
        return bool(self.config_of(release).project.processes or host.processes(self.at))

    def pid(self, name: str) -> int | None:
        """Give the main process of a unit."""
        return systemctl.pid({"nginx": self.at.nginx, "redis": self.at.redis}.get(name) or self.at.unit(_number(name)))

    def stage(self, source: str | None) -> str:
        """Copy a checkout or a project, or unpack an archive of one, and make its environment."""
        if not self.config.is_own:
            return self._stage_project(source)
        with sources.opened(source) as (folder, release):
            if not self.staged(release):
                staging.stage(folder, self.at.release(release), release, None)
        return release

    def staged(self, release: str) -> bool:
        """Tell whether its folder is whole."""
        return staging.staged(self.at.release(release))

    def check(self, release: str) -> None:
        """Have the release render its own files, import everything with them, and have nginx read them."""
        self._deploy(release, "configure", release)
        self.manage(release, "check", "--fail-level=ERROR")
        module, gunicorn, *server = self.words.server
        self._once(release, module, gunicorn, "--check-config", *server)
        program = host.programs(self.config).nginx
        nginx = (str(program), "-t", "-q", "-e", "stderr", "-p", str(self.at.run), "-c", str(self._nginx(release)))
        folder = self.at.release(release)
        env_file = folder / places.LINK / places.APP_ENV
        systemctl.once(self.at.name, nginx, folder=folder, env_files=[env_file], low_ports=True)

    def plan(self, release: str) -> str:
        """Ask the release, as the app's user."""
        return self._once(release, *self.words.plan)

    def migrate(self, release: str) -> None:
        """Run this release's migrations as a unit, whose log says what they did."""
        before = self.at.current.readlink().name
        try:
            self._sandbox(release)
            systemctl.tell("start", self.at.migrate(release))
        finally:
            self._sandbox(before)  # what serves may be started again any moment

    def publish(self, release: str) -> None:
        """Put its static files beside those that are served."""
        static.add(self.at.release(release) / places.COLLECTED, self.at.static, release)

    def manage(self, release: str, *arguments: str) -> str:
        """Run manage.py as the app's user."""
        return self._once(release, *self.words.manage, *arguments)

    def move(self, release: str, snapshot: Path) -> str:
        """Nobody can ask yet."""
        raise BadInputError(f"not yet under systemd: {snapshot.name} of {release} is moved on `up` or compose")

    def become_manage(self, *arguments: str) -> Never:
        """Become it as a unit of its own, of the release that boots."""
        folder = self.at.release(self.at.current.readlink().name)
        command = (str(folder / self.words.python), *self.words.manage, *arguments)
        secret = site.env_file(environment.superuser(os.environ))
        work = folder / self.words.folder
        systemctl.become(self.at.name, command, folder=work, env_files=self._env_files(folder), secret=secret)

    def secret_key(self, act: Act) -> list[str]:
        """Change the file, which root and our group read."""
        return secret_key.act(self.at.secret_key, act)

    def stop(self, instance: Instance) -> None:
        """Stop its unit."""
        systemctl.tell("stop", self.at.unit(_number(instance.name)))

    def start(self, instance: Instance) -> None:
        """Start its unit, of the release that its link leads to."""
        systemctl.tell("start", self.at.unit(_number(instance.name)))

    def stop_processes(self, names: Sequence[str]) -> None:
        """Stop their units, each with its grace."""
        systemctl.tell("stop", *names)

    def start_processes(self, names: Sequence[str]) -> None:
        """Start them, of the release that their links lead to."""
        systemctl.tell("start", *names)

    def renew_processes(self, release: str) -> None:
        """Have all of them end and start from this release: a unit has one process, so none is there twice."""
        self._deploy(release, "configure", release, "--processes")
        wanted = self.config_of(release)
        processes.run(self.at, wanted, release)
        processes.require_alive(self.at, wanted)

    def put_back_processes(self) -> Sequence[str]:
        """Have those of the release that boots run again."""
        before = self.at.current.readlink().name
        self._deploy(before, "configure", before, "--processes")
        processes.run(self.at, self.config_of(before), before)
        return host.processes(self.at)

    def wanted(self) -> int:
        """Give how many there are: `install` starts those that are missing, and drains those that are too much."""
        return len(self.instances())

    def add(self, release: str) -> Instance:
        """Nobody asks."""
        raise NotImplementedError(release)

    def join(self, new: Instance) -> None:
        """Nobody asks."""

    def discard(self) -> None:
        """There is nothing."""

    def remove(self, old: Instance) -> None:
        """Nobody asks."""

    def replace(self, old: Instance, release: str) -> Instance:
        """Drain the old one and start the new one in its place.

        The link is changed while neither runs: a process would import the rest of itself from the other release.
        """
        number = _number(old.name)
        self._sandbox(release)
        systemctl.tell("stop", self.at.unit(number))
        link(self.at.instance(number), self.at.release(release))
        systemctl.tell("start", self.at.unit(number))
        return Instance(old.name, release)

    def ready(self, instance: Instance) -> bool:
        """Ask /readyz of the process that runs this release; one that ended before it was ready never will be."""
        number = _number(instance.name)
        unit = self.at.unit(number)
        if self._release(systemctl.pid(unit)) == instance.release and readiness.ready(self.at, number):
            return True
        now = systemctl.show(unit, "ActiveState", "NRestarts")
        if now["ActiveState"] == "failed" or int(now["NRestarts"] or 0):
            raise StackError("\n".join([f"{instance.name} ended:", *systemctl.last_lines(unit)]))
        return False

    def probe(self, instance: Instance, ticket: str) -> None:
        """Send the message over the instance's socket."""
        self._deploy(instance.release, "probe", f"unix:{self.at.socket(_number(instance.name))}", given=ticket)

    def retire(self, old: Instance, new: Instance) -> None:
        """Nothing is left beside the new one."""

    def put_back(self, old: Instance, new: Instance | None) -> None:  # noqa: ARG002 (it has the old one's name)
        """Start the old release in its place again, unless it never stopped."""
        number = _number(old.name)
        self._sandbox(old.release)
        link_is_old = self.at.instance(number).readlink() == self.at.release(old.release)
        if link_is_old and self._release(systemctl.pid(self.at.unit(number))) == old.release:
            return
        systemctl.tell("stop", self.at.unit(number))
        link(self.at.instance(number), self.at.release(old.release))
        if old.running:
            systemctl.tell("start", self.at.unit(number))

    def finish(self, release: str) -> None:
        """Write its units, make it what boots, reload nginx if its files differ, and remove old releases."""
        before = self.at.current.readlink()
        self._deploy(release, "configure", release, "--units")
        reload = _differs(self._nginx(before.name).parent, self._nginx(release).parent)
        link(self.at.current, self.at.release(release))
        try:
            if reload:  # it moves the sockets of nginx's old workers
                systemctl.tell("reload", self.at.nginx)
        except StackError:
            link(self.at.current, before)
            self._deploy(before.name, "configure", before.name, "--units")
            raise
        if (places.UNITS / self.at.probe).exists():  # it is of the release that boots
            systemctl.tell("try-restart", self.at.probe)
        static.serves(self.at.static, release)
        if before.name != release:
            link(self.at.previous, before)
        busy = {self._release(systemctl.pid(unit)) for unit in host.jobs(self.at)}  # a job goes on with its code
        prune.prune(self.at, {found for found in busy if found})

    def settle(self, say: Say, *, again: bool) -> None:
        """Nothing is left: `install` has applied it."""

    def _sandbox(self, release: str) -> None:
        """Have instances and migrations start as this release says: its code may need what another one's must not."""
        if not self.config.is_own:
            self._deploy(release, "configure", release, "--instances")

    def _once(self, release: str, *arguments: str) -> str:
        """Run this release's Python in its app, as the services are run."""
        folder = self.at.release(release)
        command = (str(folder / self.words.python), *arguments)
        env_files = self._env_files(folder)
        return systemctl.once(self.at.name, command, folder=folder / self.words.folder, env_files=env_files)

    def _env_files(self, folder: Path) -> list[Path]:
        own = [] if self.config.is_own else [folder / places.SECRETS / places.APP_ENV]
        return [folder / places.LINK / places.APP_ENV, *own]

    def _stage_project(self, source: str | None) -> str:
        if self.project is None:
            raise BadInputError(f"the site {self.at.name} is a project's: name its folder with --project")
        with sources.project(source, self.project) as folder:
            found = foreign.of(folder, configure.env(self.at), progress.say)
            foreign.require_host(found.copies.config)
            name = found.copies.config.site.name
            if name != self.at.name and places.VARIABLE not in os.environ:
                raise BadInputError(f"{folder} is of the site {name}, and this is {self.at.name}")
            identity.require(self.at, found.copies.config)
            data.require(configure.read(self.at, configure.env(self.at), folder), self.at)
            if not self.staged(found.release):
                model = found.copies.config
                for step in apply.due([Folder(self.at.environments), *plan.kept(self.at, model)]):
                    apply.do(step)
                foreign.stage(found, self.at, self.at.release(found.release), None, progress.say)
        return found.release

    def _deploy(self, release: str, *arguments: str, given: str = "") -> str:
        """Run this release's own `python -m deploy`."""
        folder = self.at.release(release)
        env = environment.clean(os.environ) | {
            "PYTHONPATH": str(folder),
            "PYTHONDONTWRITEBYTECODE": "1",
            places.VARIABLE: self.at.name,
        }
        command = (str(folder / places.PYTHON), "-P", "-m", "deploy", *arguments)
        return commands.output(command, env=env, cwd=folder, given=given)

    def _nginx(self, release: str) -> Path:
        return self.at.rendered(release) / "nginx" / "nginx.conf"

    def _release(self, pid: int | None) -> str | None:
        """Tell which release a process was started from: its working directory, without links."""
        try:
            folder = Path(f"/proc/{pid}/cwd").readlink() if pid else None
        except OSError:
            return None
        every = os.path.realpath(self.at.releases)
        return folder.relative_to(every).parts[0] if folder and folder.is_relative_to(every) else None


def _number(name: str) -> int:
    return int(name.removeprefix("web-"))


def _differs(old: Path, new: Path) -> bool:
    """Tell whether nginx would run with something else."""
    if not old.is_dir():
        return True
    found = filecmp.dircmp(old, new)
    _, wrong, unread = filecmp.cmpfiles(old, new, found.common_files, shallow=False)
    return bool(found.left_only or found.right_only or wrong or unread)
