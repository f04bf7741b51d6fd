"""What `./parley install` left on this host, as the doctor looks at it."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from deploy import facts, runner
from deploy.capacity import declared
from deploy.config import load
from deploy.doctor import packages, process
from deploy.doctor.check import NotApplicable
from deploy.doctor.patient import Patient, Replica, Ticket
from deploy.drill.address import Address
from deploy.errors import BadInputError, StackError
from deploy.release import release
from deploy.stacks.systemd import host, own, places, site, systemctl
from deploy.stacks.systemd.plan import NGINX
from deploy.stacks.systemd.stack import SystemdStack

SECONDS = {"min": 60, "s": 1}
SPAN = re.compile(r"(\d+)(min|s)\b")
BELOW = "nginx/"  # where a release's files have nginx's


def patient(env: str | None, **options: Any) -> Patient:
    """Find what is installed on this host; raises BadInputError for who may not look."""
    host.require_root("doctor --stack systemd")
    try:
        body = SystemdBody(own.env())
    except (BadInputError, StackError, OSError) as error:
        config = load(env=env or site.STACK)
        return Patient(site.STACK, config, declared(config), None, str(error), **options)
    return Patient(site.STACK, body.config, body.size, body, **options)


class SystemdBody:
    """Reads /opt/parley, /etc/parley, /proc and what systemd says; see Body."""

    def __init__(self, env: str) -> None:
        self.config = load(env=env, site=places.TOML)
        self.size = declared(self.config)
        self.stack = SystemdStack(self.config)
        self.address = Address.at(self.stack.url)
        self.release = places.CURRENT.readlink().name

    def replicas(self) -> Sequence[Replica]:
        """List the units."""
        found = []
        for number in host.instances():
            pid = systemctl.pid(places.unit(number))
            address = self.address.instance(places.socket(number))
            found.append(Replica(f"web-{number}", pid, address, process.environment(pid)))
        return found

    def nginx(self) -> int | None:
        """Give the unit's main process."""
        return systemctl.pid(NGINX)

    def nginx_files(self) -> Mapping[str, str]:
        """Read those of the release that serves."""
        folder = places.CURRENT / places.LINK / "nginx"
        return {path.name: path.read_text(encoding="utf-8") for path in folder.iterdir()}

    def modelled_nginx(self) -> Mapping[str, str]:
        """Render those of this release."""
        files = self._rendered()
        return {name.removeprefix(BELOW): text for name, text in files.items() if name.startswith(BELOW)}

    def modelled_app(self) -> Mapping[str, str]:
        """Render the environment of this release, and read it as systemd does."""
        return facts.variables(self._rendered()[places.APP_ENV])

    def accept(self) -> None:
        """Run nginx -t as the service is run."""
        folder = places.CURRENT / places.LINK
        program = str(host.programs(self.config).nginx)
        command = (program, "-t", "-q", "-e", "stderr", "-p", str(places.RUN), "-c", str(folder / BELOW / "nginx.conf"))
        systemctl.once(places.USER, command, folder=folder, env_file=folder / places.APP_ENV, low_ports=True)

    def upstreams(self) -> Sequence[str]:
        """Give each instance's socket."""
        return [f"unix:{places.socket(number)}" for number in host.instances()]

    def kill_seconds(self, replica: Replica) -> int:
        """Ask systemd."""
        unit = places.unit(int(replica.name.removeprefix("web-")))
        said = systemctl.show(unit, "TimeoutStopUSec")["TimeoutStopUSec"]
        return sum(int(number) * SECONDS[unit] for number, unit in SPAN.findall(said))

    def installed(self, names: Sequence[str]) -> Mapping[str, str]:
        """Ask the Python of the release that serves."""
        self._is_own()
        python = places.CURRENT / places.PYTHON
        said = runner.output([str(python), "-I", packages.__file__, *names])
        return msgspec.json.decode(said, type=dict[str, str])

    def certificate(self) -> bytes:
        """Read the file."""
        return places.CERTIFICATE.read_bytes()

    def folders(self) -> Sequence[Path]:
        """Give the backups', the releases' and the logs'."""
        return places.STATE, places.OPT, Path("/var/log")

    def secrets(self) -> Sequence[Path]:
        """Give those of /etc/parley."""
        return places.SECRET_KEY, places.DATABASE_URL, places.LAYER_URL, places.CERTIFICATE_KEY

    def layer(self) -> str:
        """Read its URL."""
        return places.LAYER_URL.read_text(encoding="utf-8").strip()

    def open_ticket(self) -> Ticket:
        """Ask manage.py of the release that serves."""
        said = self.stack.manage(self.release, "probe")
        return msgspec.json.decode(said.strip().splitlines()[-1], type=Ticket)

    def _rendered(self) -> Mapping[str, str]:
        self._is_own()
        return site.release_files(self.config, self.size, host.programs(self.config), self.release)

    def _is_own(self) -> None:
        """Raise NotApplicable where this checkout is not what serves: its templates may be others."""
        if self.release != (here := release()):
            raise NotApplicable(
                f"{self.release} is running, and this checkout is {here}: run the doctor of that release"
            )
