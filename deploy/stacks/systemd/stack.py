"""systemd as a stack that is rolled: in place, an instance's link and its unit at a time."""

import filecmp
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Never

from deploy import environment, files, runner
from deploy.config import Config
from deploy.errors import BadInputError, StackError
from deploy.hosts import origin
from deploy.stacks import secret_key, static
from deploy.stacks.secret_key import Act
from deploy.stacks.stack import Instance, Postgres
from deploy.stacks.systemd import answers, host, own, places, staging, systemctl
from deploy.stacks.systemd import source as sources
from deploy.stacks.systemd.doing import link
from deploy.stacks.systemd.plan import NGINX, PROBE, REDIS


def installed(env: str) -> "SystemdStack":
    """Open what is installed on this host; raises BadInputError where nothing is, or with another --env."""
    host.require_root("rollout --stack systemd")
    if env not in {"systemd", own.env()}:
        raise BadInputError(f"this host was installed with --env {own.env()}")
    return SystemdStack(own.config())


class SystemdStack:
    """See deploy/stacks/stack.py for what each verb promises."""

    name = "systemd"
    folder = places.STATE
    backups = places.BACKUPS

    def __init__(self, config: Config) -> None:
        self.config = config
        self.url = f"{origin('localhost', config.site.port)}/"
        as_user = ("runuser", "-u", places.USER, "--")  # peer authentication
        mine = Postgres(f"host={places.POSTGRES_SOCKETS} user={places.USER} dbname={places.USER}", as_user)
        self.database = mine if config.brings_postgres else Postgres.at(config.database.url)

    def instances(self) -> Sequence[Instance]:
        """List the instances by their links; what one runs is told by its process, for the link may be newer."""
        found = []
        for number in host.instances():
            pid = systemctl.pid(places.unit(number))
            release = _release(pid) or places.instance(number).readlink().name
            found.append(Instance(f"web-{number}", release, running=pid is not None))
        return found

    def pid(self, name: str) -> int | None:
        """Give the main process of a unit."""
        return systemctl.pid({"nginx": NGINX, "redis": REDIS}.get(name) or places.unit(_number(name)))

    def stage(self, source: str | None) -> str:
        """Copy a checkout or unpack an archive, and make its environment."""
        with sources.opened(source) as (folder, release):
            if not self.staged(release):
                staging.stage(folder, places.release(release), release, None)
        return release

    def staged(self, release: str) -> bool:
        """Tell whether its folder is whole."""
        return staging.staged(places.release(release))

    def check(self, release: str) -> None:
        """Have the release render its own files, import everything with them, and have nginx read them."""
        self._deploy(release, "configure", release)
        self.manage(release, "check", "--fail-level=ERROR")
        gunicorn = ("-m", "gunicorn", "--check-config", "-c", "gunicorn.conf.py", "config.asgi:application")
        self._once(release, *gunicorn)
        program = host.programs(self.config).nginx
        nginx = (str(program), "-t", "-q", "-e", "stderr", "-p", str(places.RUN), "-c", str(_nginx(release)))
        folder = places.release(release)
        env_file = folder / places.LINK / places.APP_ENV
        systemctl.once(places.USER, nginx, folder=folder, env_file=env_file, low_ports=True)

    def migrate(self, release: str) -> None:
        """Run this release's migrations as a unit, whose log says what they did."""
        systemctl.tell("start", f"parley-migrate@{release}.service")

    def publish(self, release: str) -> None:
        """Put its static files beside those that are served."""
        static.add(places.release(release) / places.COLLECTED, places.STATIC, release)

    def manage(self, release: str, *arguments: str) -> str:
        """Run manage.py as the app's user."""
        return self._once(release, "manage.py", *arguments)

    def become_manage(self, *arguments: str) -> Never:
        """Become it as a unit of its own, of the release that boots."""
        folder = places.release(places.CURRENT.readlink().name)
        command = (str(folder / places.PYTHON), "manage.py", *arguments)
        systemctl.become(places.USER, command, folder=folder / "app", env_file=folder / places.LINK / places.APP_ENV)

    def secret_key(self, act: Act) -> list[str]:
        """Change the file, which root and our group read."""
        return secret_key.act(places.SECRET_KEY, act)

    def replace(self, old: Instance, release: str) -> Instance:
        """Drain the old one and start the new one in its place.

        The link is changed while neither runs: a process would import the rest of itself from the other release.
        """
        number = _number(old.name)
        systemctl.tell("stop", places.unit(number))
        link(places.instance(number), places.release(release))
        systemctl.tell("start", places.unit(number))
        return Instance(old.name, release)

    def ready(self, instance: Instance) -> bool:
        """Ask /readyz of the process that runs this release; one that systemd had to start again never will be."""
        unit = places.unit(_number(instance.name))
        now = systemctl.show(unit, "ActiveState", "NRestarts")
        if now["ActiveState"] == "failed" or int(now["NRestarts"] or 0):
            raise StackError("\n".join([f"{instance.name} ended:", *systemctl.last_lines(unit)]))
        return _release(systemctl.pid(unit)) == instance.release and answers.ready(_number(instance.name))

    def probe(self, instance: Instance, ticket: str) -> None:
        """Send the message over the instance's socket."""
        self._deploy(instance.release, "probe", f"unix:{places.socket(_number(instance.name))}", given=ticket)

    def retire(self, old: Instance, new: Instance) -> None:
        """Nothing is left beside the new one."""

    def put_back(self, old: Instance, new: Instance | None) -> None:  # noqa: ARG002 (it has the old one's name)
        """Start the old release in its place again, unless it never stopped."""
        number = _number(old.name)
        link_is_old = places.instance(number).readlink() == places.release(old.release)
        if link_is_old and _release(systemctl.pid(places.unit(number))) == old.release:
            return
        systemctl.tell("stop", places.unit(number))
        link(places.instance(number), places.release(old.release))
        if old.running:
            systemctl.tell("start", places.unit(number))

    def finish(self, release: str) -> None:
        """Write its units, make it what boots, reload nginx if its files differ, and remove old releases."""
        before = places.CURRENT.readlink()
        self._deploy(release, "configure", release, "--units")
        reload = _differs(_nginx(before.name).parent, _nginx(release).parent)
        link(places.CURRENT, places.release(release))
        try:
            if reload:  # it moves the sockets of nginx's old workers
                systemctl.tell("reload", NGINX)
        except StackError:
            link(places.CURRENT, before)
            self._deploy(before.name, "configure", before.name, "--units")
            raise
        if (places.UNITS / PROBE).exists():  # it is of the release that boots
            systemctl.tell("try-restart", PROBE)
        static.serves(places.STATIC, release)
        if before.name != release:
            link(places.PREVIOUS, before)
        prune()

    def _once(self, release: str, *arguments: str) -> str:
        """Run this release's Python in its app, as the services are run."""
        folder = places.release(release)
        command = (str(folder / places.PYTHON), *arguments)
        env_file = folder / places.LINK / places.APP_ENV
        return systemctl.once(places.USER, command, folder=folder / "app", env_file=env_file)

    def _deploy(self, release: str, *arguments: str, given: str = "") -> str:
        """Run this release's own `python -m deploy`."""
        folder = places.release(release)
        env = environment.clean(os.environ) | {"PYTHONPATH": str(folder), "PYTHONDONTWRITEBYTECODE": "1"}
        command = (str(folder / places.PYTHON), "-P", "-m", "deploy", *arguments)
        return runner.output(command, env=env, cwd=folder, given=given)


def prune() -> None:
    """Remove the releases that nothing leads to: neither what serves, nor what a rollback would take."""
    links = [places.CURRENT, places.PREVIOUS, *(places.instance(number) for number in host.instances())]
    kept = {one.readlink().name for one in links if one.is_symlink()}
    for folder in (places.RELEASES, places.RENDERED):
        for path in folder.iterdir():
            if path.name not in kept:
                files.remove(path)


def _number(name: str) -> int:
    return int(name.removeprefix("web-"))


def _nginx(release: str) -> Path:
    return places.rendered(release) / "nginx" / "nginx.conf"


def _differs(old: Path, new: Path) -> bool:
    """Tell whether nginx would run with something else."""
    if not old.is_dir():
        return True
    found = filecmp.dircmp(old, new)
    _, wrong, unread = filecmp.cmpfiles(old, new, found.common_files, shallow=False)
    return bool(found.left_only or found.right_only or wrong or unread)


def _release(pid: int | None) -> str | None:
    """Tell which release a process was started from: its working directory, without links."""
    try:
        folder = Path(f"/proc/{pid}/cwd").readlink() if pid else None
    except OSError:
        return None
    return folder.parent.name if folder and folder.parent.parent == places.RELEASES else None
