"""The stack of `./parley up`, as the doctor looks at it."""

import dataclasses
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import msgspec

from deploy.effects import commands, procfs
from deploy.errors import BadInputError, StackError
from deploy.model.capacity import Capacity, capacity
from deploy.model.config import LOCAL, Config, Overrides, load
from deploy.model.hosts import LOOPBACK
from deploy.model.release import release
from deploy.operations.doctor import packages
from deploy.operations.doctor.check import NotApplicable
from deploy.operations.doctor.target import Bridge, Replica, Target, Ticket
from deploy.stacks.local import application, applications, binaries, limits, plan, state, told
from deploy.stacks.local.layout import Layout
from deploy.stacks.local.opened import opened
from deploy.stacks.local.rendered import planned
from deploy.text import environment, render
from deploy.text.readback import PREFIX

LISTEN = "    listen "


def target(
    directory: Path | None, changes: Overrides | None = None, project: Path | None = None, **options: Any
) -> Target:
    """Find the stack in a folder; `changes` are put on top of parley.toml, below what `up` was told."""
    try:
        adapter = LocalAdapter(opened(project, directory)[1], changes or {}, project)
    except (BadInputError, OSError, ValueError) as error:
        config = load(changes, project=project)  # which raises where it is the file that is wrong
        return Target(LOCAL, config, capacity(config, limits.open_files()), None, str(error), **options)
    return Target(LOCAL, adapter.config, adapter.size, adapter, **options)


class LocalAdapter:
    """Reads run/state.json and /proc; see TargetAdapter."""

    def __init__(self, layout: Layout, changes: Overrides, project: Path | None = None) -> None:
        self.layout = layout
        self._project = project
        self._changes = changes
        self.address = state.address(self._state())
        self.config = self._config()
        self.size = self._size()

    def replicas(self) -> Sequence[Replica]:
        """List what `up` started."""
        return [
            Replica(
                one["name"],
                one["pid"],
                self.address.instance(Path(one["socket"])),
                procfs.environment(one["pid"]),
            )
            for one in self._state()["instances"]
        ]

    def beside(self) -> Mapping[str, bool]:
        """List a project's processes and jobs; one that died at once is not well until it has lived for a while."""
        found = {one["name"]: one["pid"] is not None and not one["dies"] for one in self._state().get("beside", ())}
        if not found:
            raise NotApplicable("`up` runs nothing beside nginx, the instances and Redis")
        return found

    def said(self) -> Mapping[str, str]:
        """Nothing is refused."""
        raise NotApplicable("`up` has no sandbox")

    def nginx(self) -> int | None:
        """Give nginx's master."""
        pid: int | None = self._state()["nginx_pid"]
        return pid

    def nginx_files(self) -> Mapping[str, str]:
        """Read them."""
        return {path.name: path.read_text(encoding="utf-8") for path in self.layout.nginx.iterdir() if path.is_file()}

    def modelled_nginx(self) -> Mapping[str, str]:
        """Render them for the addresses that this machine had when `up` looked."""
        found = planned(self.config, self.layout, self.size, binaries.nginx())
        listen = {name: _listen(text) for name, text in self.nginx_files().items()}
        found = dataclasses.replace(
            found,
            listen=listen.get("server.conf", ()),
            http_listen=listen.get("plain.conf", ()),
            proxied_listen=listen.get("proxied.conf", ()),
        )
        owner = self.layout.dir.stat().st_uid
        site = dataclasses.replace(plan.nginx_site(found), user="" if owner else "root")
        return render.nginx(self.config, site)

    def modelled_app(self) -> Mapping[str, str]:
        """Give what `up` would give, with the layer that it found."""
        layer = environment.layer_url(self.config) or self.layer()
        site = told.app_site(self.config, self.layout, sockets=self.size.sockets, layer=layer, release=release())
        port = self._state()["store_port"]
        return told.variables_of(self.config, self.layout, site, application.of(self.config, self.layout), port=port)

    def accept(self) -> None:
        """Run nginx -t as `up` does."""
        configuration = self.layout.nginx / "nginx.conf"
        command = [str(binaries.nginx().path), "-e", "stderr", "-p", str(self.layout.run), "-c", str(configuration)]
        done = commands.run([*command, "-t", "-q"])
        if done.status:
            raise StackError(done.output)

    def upstreams(self) -> Sequence[str]:
        """Give each instance's socket."""
        return [f"unix:{one['socket']}" for one in self._state()["instances"]]

    def kill_seconds(self, replica: Replica) -> int:  # noqa: ARG002 (another stack tells it of each)
        """It is the stop timeout of `up`, which nothing shows."""
        raise NotApplicable("`up` does not show its stop timeout")

    def installed(self, names: Sequence[str]) -> Mapping[str, str]:
        """Ask the Python that runs this, which is the app's too."""
        if not self.config.is_own:
            raise NotApplicable("the project's packages are in an environment of its own")
        return packages.versions(names)

    def certificate(self) -> bytes:
        """Read the one that `up` made."""
        return self.layout.certificate.read_bytes()

    def folders(self) -> Sequence[Path]:
        """Give the database's, and the logs'."""
        return self.layout.dir, self.layout.log

    def secrets(self) -> Sequence[Path]:
        """Give both keys."""
        return self.layout.secret_key, self.layout.certificate_key

    def bridge(self) -> Bridge:
        """There is none."""
        raise NotApplicable("nginx is in no container: it has this machine's own network")

    def layer(self) -> str:
        """Give what `up` wrote down."""
        return str(self._state()["layer"])

    def open_ticket(self) -> Ticket:
        """Ask manage.py, told what the instances were told."""
        if not (probe := self.config.project.hooks.probe):
            raise NotApplicable("the project has no [project.hooks].probe, which prints a ticket")
        env = next((dict(one.environment) for one in self.replicas() if one.environment), None)
        if env is None:
            raise StackError("no instance runs")
        served = applications.find(self.config, self.layout)
        said = commands.output(served.command(*shlex.split(probe)), env=env, cwd=served.folder)
        return msgspec.json.decode(said.strip().splitlines()[-1], type=Ticket)

    def _config(self) -> Config:
        """Put what `up` was told over parley.toml, as far as it can be seen."""
        told: Overrides = {name: dict(keys) for name, keys in self._changes.items()}
        living = [one.environment for one in self.replicas() if one.environment]
        if living:
            names = [name.strip("[]") for name in living[0].get(f"{PREFIX}HOSTS", "").split(",")]
            told.setdefault("site", {}).setdefault("hosts", [name for name in names if name and name not in LOOPBACK])
        told.setdefault("site", {})["port"] = urlsplit(self.address.origin).port or 443
        told.setdefault("app", {})["instances"] = len(self._state()["instances"])
        return load(told, project=self._project)

    def _size(self) -> Capacity:
        """Work out what `up` did, under the limit that its processes have."""
        pid = self.nginx() or next((one.pid for one in self.replicas() if one.pid), None)
        most = procfs.open_files(pid, hard=True) if pid else limits.open_files()
        return capacity(self.config, min(most, limits.MOST_OPEN_FILES))

    def _state(self) -> dict[str, Any]:
        return state.read(self.layout)


def _listen(text: str) -> tuple[str, ...]:
    return tuple(line.split()[1].rstrip(";") for line in text.splitlines() if line.startswith(LISTEN))
