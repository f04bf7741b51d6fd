"""What `./parley install` left on this host, as the doctor looks at it."""

import re
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from deploy.effects import commands, procfs
from deploy.errors import BadInputError, StackError
from deploy.model.capacity import declared
from deploy.model.config import load
from deploy.model.release import release
from deploy.operations.doctor import packages
from deploy.operations.doctor.check import NotApplicable
from deploy.operations.doctor.target import SAID, Bridge, Replica, Target, Ticket
from deploy.stacks.systemd import configure, foreign, host, systemctl
from deploy.stacks.systemd.plan import beside, process_units
from deploy.stacks.systemd.stack import SystemdStack
from deploy.text import readback
from deploy.text.systemd import places, site, whose
from deploy.text.systemd.places import Places

SECONDS = {"min": 60, "s": 1}
SPAN = re.compile(r"(\d+)(min|s)\b")
BELOW = "nginx/"  # where a release's files have nginx's


def target(env: str | None, project: Path | None = None, **options: Any) -> Target:
    """Find what is installed on this host; raises BadInputError for who may not look."""
    host.require_root("doctor --stack systemd")
    try:
        adapter = SystemdAdapter(whose.here(env or site.STACK, project), project)
    except (BadInputError, StackError, OSError) as error:
        config = load(env=env or site.STACK, project=project)
        return Target(site.STACK, config, declared(config), None, str(error), **options)
    return Target(site.STACK, adapter.config, adapter.size, adapter, **options)


class SystemdAdapter:
    """Reads the site's folders, /proc and what systemd says; see TargetAdapter."""

    def __init__(self, at: Places, project: Path | None = None) -> None:
        self.at = at
        self.config = configure.config(at, project)
        self.size = declared(self.config)
        self.stack = SystemdStack(self.config, project)
        self.address = self.stack.address
        self.release = self.at.current.readlink().name

    def replicas(self) -> Sequence[Replica]:
        """List the units."""
        found = []
        for number in host.instances(self.at):
            pid = systemctl.pid(self.at.unit(number))
            address = self.address.instance(self.at.socket(number))
            found.append(Replica(f"web-{number}", pid, address, procfs.environment(pid)))
        return found

    def beside(self) -> Mapping[str, bool]:
        """Ask for the timers, and for the probe where there should be one."""
        store = [self.at.store_unit] if site.keeps(self.config) else []
        units = [*store, *process_units(self.at, self.config), *beside(self.at, self.config)]
        jobs = {unit: systemctl.show(unit, "ActiveState")["ActiveState"] != "failed" for unit in host.jobs(self.at)}
        return {unit: systemctl.active(unit) for unit in units} | jobs

    def said(self) -> Mapping[str, str]:
        """Ask the journal for what each unit of the project wrote since it was started."""
        units = [self.at.unit(number) for number in host.instances(self.at)] + process_units(self.at, self.config)
        return {unit: _journal(systemctl.show(unit, "InvocationID")["InvocationID"]) for unit in units}

    def nginx(self) -> int | None:
        """Give the unit's main process."""
        return systemctl.pid(self.at.nginx)

    def nginx_files(self) -> Mapping[str, str]:
        """Read those of the release that serves."""
        folder = self.at.current / places.LINK / "nginx"
        return {path.name: path.read_text(encoding="utf-8") for path in folder.iterdir()}

    def modelled_nginx(self) -> Mapping[str, str]:
        """Render those of this release."""
        files = self._rendered()
        return {name.removeprefix(BELOW): text for name, text in files.items() if name.startswith(BELOW)}

    def modelled_app(self) -> Mapping[str, str]:
        """Render the environment of this release, and read it as systemd does."""
        return readback.variables(self._rendered()[places.APP_ENV])

    def accept(self) -> None:
        """Run nginx -t as the service is run."""
        folder = self.at.current / places.LINK
        program = str(host.programs(self.config).nginx)
        command = (
            program,
            "-t",
            "-q",
            "-e",
            "stderr",
            "-p",
            str(self.at.run),
            "-c",
            str(folder / BELOW / "nginx.conf"),
        )
        systemctl.once(self.at.name, command, folder=folder, env_files=[folder / places.APP_ENV], low_ports=True)

    def upstreams(self) -> Sequence[str]:
        """Give each instance's socket."""
        return [f"unix:{self.at.socket(number)}" for number in host.instances(self.at)]

    def kill_seconds(self, replica: Replica) -> int:
        """Ask systemd."""
        unit = self.at.unit(int(replica.name.removeprefix("web-")))
        said = systemctl.show(unit, "TimeoutStopUSec")["TimeoutStopUSec"]
        return sum(int(number) * SECONDS[unit] for number, unit in SPAN.findall(said))

    def installed(self, names: Sequence[str]) -> Mapping[str, str]:
        """Ask the Python of the release that serves."""
        if not self.config.is_own:
            raise NotApplicable("the project's packages are in an environment of its own")
        self._is_own()
        python = self.at.current / places.PYTHON
        said = commands.output([str(python), "-I", packages.__file__, *names])
        return msgspec.json.decode(said, type=dict[str, str])

    def certificate(self) -> bytes:
        """Read the file."""
        return self.at.certificate.read_bytes()

    def folders(self) -> Sequence[Path]:
        """Give the backups', the releases' and the logs'."""
        return self.at.state, self.at.opt, Path("/var/log")

    def secrets(self) -> Sequence[Path]:
        """Give those of the site's folder in /etc."""
        return self.at.secret_key, self.at.database_url, self.at.layer_url, self.at.certificate_key

    def bridge(self) -> Bridge:
        """There is none."""
        raise NotApplicable("nginx is in no container: it has this machine's own network")

    def layer(self) -> str:
        """Read its URL."""
        return self.at.layer_url.read_text(encoding="utf-8").strip()

    def open_ticket(self) -> Ticket:
        """Ask manage.py of the release that serves."""
        if not (probe := self.config.project.hooks.probe):
            raise NotApplicable("the project has no [project.hooks].probe, which prints a ticket")
        said = self.stack.manage(self.release, *shlex.split(probe))
        return msgspec.json.decode(said.strip().splitlines()[-1], type=Ticket)

    def _rendered(self) -> Mapping[str, str]:
        self._is_own()
        place = None if self.config.is_own else foreign.read(self.config, self.at.release(self.release))
        return site.release_files(self.config, self.size, host.programs(self.config), self.release, place)

    def _is_own(self) -> None:
        """Raise NotApplicable where this checkout is not what serves: its templates may be others."""
        if not self.config.is_own:
            self._is_projects()
        elif self.release != (here := release()):
            raise NotApplicable(
                f"{self.release} is running, and this checkout is {here}: run the doctor of that release"
            )

    def _is_projects(self) -> None:
        """Raise NotApplicable where the project's folder, or this checkout, is not what serves."""
        if self.stack.project is None:
            raise NotApplicable(f"{self.release} is running: name the project's folder with --project")
        found = foreign.of(self.stack.project, configure.env(self.at), lambda _: None)
        if self.release != found.release:
            raise NotApplicable(f"{self.release} is running, and {self.stack.project} is {found.release}")


def _journal(invocation: str) -> str:
    """Give the last lines of one start of a unit."""
    lines = ("journalctl", "--no-pager", "--output=cat", f"--lines={SAID}", f"_SYSTEMD_INVOCATION_ID={invocation}")
    return commands.run(lines).output if invocation else ""
