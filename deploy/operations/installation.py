"""`./parley install`, `uninstall`, and `configure` for a rollout."""

from collections.abc import Sequence
from pathlib import Path

from deploy.effects.progress import say
from deploy.errors import BadInputError
from deploy.stacks.systemd import configure as configuring
from deploy.stacks.systemd import install as installing
from deploy.stacks.systemd import uninstall as uninstalling
from deploy.stacks.systemd.install import Asked


def install(
    env: str,
    hosts: Sequence[str],
    port: int | None,
    wheels: Path | None,
    project: Path | None = None,
    *,
    dry_run: bool,
) -> None:
    """Install this checkout, or a project, saying each step."""
    if wheels and not wheels.is_dir():
        raise BadInputError(f"{wheels} is not a folder")
    asked = Asked(env, tuple(hosts), port, wheels.resolve() if wheels else None, project)
    installing.install(asked, say, dry_run=dry_run)


def uninstall(project: Path | None = None, *, purge: bool, dry_run: bool) -> None:
    """Remove it, saying each step."""
    uninstalling.uninstall(say, project, purge=purge, dry_run=dry_run)


def configure(named: str, *, units: bool, instances: bool, processes: bool) -> None:
    """Render this release's files on this host."""
    for line in configuring.configure(named, units=units, instances=instances, processes=processes):
        say(line)
