"""[project.processes] as units: all of them end, and start again from another release."""

import time

from deploy.effects import commands, files
from deploy.errors import StackError
from deploy.model.config import Config
from deploy.stacks.systemd import host, plan, systemctl
from deploy.stacks.systemd.apply import link
from deploy.text.systemd.places import Places

ALIVE_SECONDS = 10.0  # a program that cannot start has said so by then, also on a busy machine
POLL = 0.25


def run(at: Places, config: Config, release: str) -> None:
    """Have those of a release run from it, and no others; its units are written already."""
    if there := host.processes(at):
        systemctl.tell("stop", *there)  # before one starts: a single one is never there twice
    for path in at.processes.iterdir() if at.processes.is_dir() else ():
        if path.name not in config.project.processes:
            files.remove(path)
    for name in config.project.processes:
        link(at.processes / name, at.release(release))
    if wanted := plan.process_units(at, config):
        systemctl.tell("enable", "--quiet", *wanted)
        systemctl.tell("start", *wanted)


def require_alive(at: Places, config: Config) -> None:
    """Watch them for a while; raise StackError with a line for each that ended."""
    units = plan.process_units(at, config)
    deadline = time.monotonic() + ALIVE_SECONDS
    while units and time.monotonic() < deadline:
        if ended := [unit for unit in units if _has_ended(unit)]:
            raise StackError("; ".join(_told(at, unit) for unit in ended))
        time.sleep(POLL)


def _has_ended(unit: str) -> bool:
    """Tell whether its first process is gone, though systemd may have started it again."""
    now = systemctl.show(unit, "ActiveState", "NRestarts")
    return now["ActiveState"] != "active" or bool(int(now["NRestarts"] or 0))


def _told(at: Places, unit: str) -> str:
    """Say how one ended, and the last line that it wrote."""
    said = commands.run(
        ["journalctl", "--no-pager", "--output=cat", "--lines=20", f"--unit={unit}", "_TRANSPORT=stdout"]
    )
    lines = [line.strip() for line in said.output.splitlines() if line.strip()]
    status = systemctl.show(unit, "ExecMainStatus")["ExecMainStatus"]
    name = unit.removeprefix(f"{at.name}-").removesuffix(".service")
    return f"{name} ended at once with exit status {status}: {lines[-1] if lines else 'it said nothing'}"
