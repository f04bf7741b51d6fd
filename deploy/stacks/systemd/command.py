"""`./parley install`, `uninstall`, `render systemd`."""

from collections.abc import Sequence
from pathlib import Path

from deploy import files
from deploy.config import load
from deploy.errors import BadInputError
from deploy.progress import say
from deploy.release import release
from deploy.stacks.systemd import install as installing
from deploy.stacks.systemd import own, site
from deploy.stacks.systemd import uninstall as uninstalling
from deploy.stacks.systemd.install import Asked


def install(env: str, hosts: Sequence[str], port: int | None, wheels: Path | None, *, dry_run: bool) -> None:
    """Install this checkout, saying each step."""
    if wheels and not wheels.is_dir():
        raise BadInputError(f"{wheels} is not a folder")
    asked = Asked(env, tuple(hosts), port, wheels.resolve() if wheels else None)
    installing.install(asked, say, dry_run=dry_run)


def uninstall(*, purge: bool, dry_run: bool) -> None:
    """Remove it, saying each step."""
    uninstalling.uninstall(say, purge=purge, dry_run=dry_run)


def configure(named: str, *, units: bool) -> None:
    """Render this release's files on this host."""
    for line in own.configure(named, units=units):
        say(line)


def render(env: str, out: Path) -> None:
    """Write what a host of Debian 12 is installed with: its units, and what belongs to the release."""
    config = load(env=env)
    size = site.fitting(config)
    files.write_all(out, site.units(config, size, site.Programs()))
    for name, text in site.release_files(config, size, site.Programs(), release()).items():
        files.make_folder((out / "etc" / name).parent)
        files.write(out / "etc" / name, text)
