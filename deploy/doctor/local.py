"""The stack of `./parley up`, as the doctor looks at it."""

import dataclasses
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import msgspec

from deploy import environment, render, runner
from deploy.capacity import Capacity, capacity
from deploy.config import LOCAL, Config, Overrides, load
from deploy.doctor import packages, process
from deploy.doctor.check import NotApplicable
from deploy.doctor.patient import Patient, Replica, Ticket
from deploy.drill.address import Address
from deploy.errors import BadInputError, StackError
from deploy.facts import PREFIX
from deploy.hosts import LOOPBACK
from deploy.release import release
from deploy.stacks.local import binaries, limits, plan, state
from deploy.stacks.local.layout import Layout
from deploy.stacks.local.prepare import APP
from deploy.stacks.local.rendered import planned

LISTEN = "    listen "


def patient(directory: Path | None, changes: Overrides | None = None, **options: Any) -> Patient:
    """Find the stack in a folder; `changes` are put on top of parley.toml, below what `up` was told."""
    try:
        body = LocalBody(Layout.at(directory), changes or {})
    except (BadInputError, OSError, ValueError) as error:
        config = load(changes)  # which raises where it is the file that is wrong
        return Patient(LOCAL, config, capacity(config, limits.open_files()), None, str(error), **options)
    return Patient(LOCAL, body.config, body.size, body, **options)


class LocalBody:
    """Reads run/state.json and /proc; see Body."""

    def __init__(self, layout: Layout, changes: Overrides) -> None:
        self.layout = layout
        self._changes = changes
        self.address = Address.at(self._state()["url"])
        self.config = self._config()
        self.size = self._size()

    def replicas(self) -> Sequence[Replica]:
        """List what `up` started."""
        return [
            Replica(
                one["name"],
                one["pid"],
                self.address.instance(Path(one["socket"])),
                process.environment(one["pid"]),
            )
            for one in self._state()["instances"]
        ]

    def beside(self) -> Mapping[str, bool]:
        """`up` has nothing of that kind."""
        raise NotApplicable("`up` runs nothing beside nginx, the instances and Redis")

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
            found, listen=listen.get("server.conf", ()), http_listen=listen.get("plain.conf", ())
        )
        owner = self.layout.dir.stat().st_uid
        site = dataclasses.replace(plan.nginx_site(found), user="" if owner else "root")
        return render.nginx(self.config, site)

    def modelled_app(self) -> Mapping[str, str]:
        """Give what `up` would give, with the layer that it found."""
        layer = environment.layer_url(self.config) or self.layer()
        site = plan.app_site(self.config, self.layout, sockets=self.size.sockets, layer=layer, release=release())
        return environment.app(self.config, site)

    def accept(self) -> None:
        """Run nginx -t as `up` does."""
        configuration = self.layout.nginx / "nginx.conf"
        command = [str(binaries.nginx().path), "-e", "stderr", "-p", str(self.layout.run), "-c", str(configuration)]
        done = runner.run([*command, "-t", "-q"])
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

    def layer(self) -> str:
        """Give what `up` wrote down."""
        return str(self._state()["layer"])

    def open_ticket(self) -> Ticket:
        """Ask manage.py, told what the instances were told."""
        env = next((dict(one.environment) for one in self.replicas() if one.environment), None)
        if env is None:
            raise StackError("no instance runs")
        said = runner.output([sys.executable, "manage.py", "probe"], env=env, cwd=APP)
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
        return load(told)

    def _size(self) -> Capacity:
        """Work out what `up` did, under the limit that its processes have."""
        pid = self.nginx() or next((one.pid for one in self.replicas() if one.pid), None)
        most = process.open_files(pid, hard=True) if pid else limits.open_files()
        return capacity(self.config, min(most, limits.MOST_OPEN_FILES))

    def _state(self) -> dict[str, Any]:
        return state.read(self.layout)


def _listen(text: str) -> tuple[str, ...]:
    return tuple(line.split()[1].rstrip(";") for line in text.splitlines() if line.startswith(LISTEN))
