"""What this host has: the programs, the units and instances of an earlier installation, the ports."""

import os
import re
import shutil
from pathlib import Path

from deploy.effects import commands
from deploy.errors import BadInputError
from deploy.model import listening
from deploy.model.config import Config
from deploy.stacks import ports
from deploy.stacks.local import binaries
from deploy.stacks.systemd import systemctl
from deploy.text.systemd import places, site
from deploy.text.systemd.places import Places
from deploy.text.systemd.site import Programs

SBIN = os.pathsep.join(("/usr/sbin", "/usr/bin", "/sbin", "/bin"))
REDIS = ("redis-server", "valkey-server")
POSTGRES = Path("/usr/lib/postgresql")
RENDERED = b"# Rendered by `parley install`"  # how every unit of ours begins
LISTEN = re.compile(r"^\s*listen (?:\S+:)?(\d+)[ ;]", re.MULTILINE)  # not a unix socket


def require_root(command: str) -> None:
    """Raise BadInputError unless this process may change the host, and the host is one."""
    if os.geteuid() != 0:
        raise BadInputError(f"{command} changes this host: run it as root (sudo ./parley {command})")
    if not systemctl.boots():
        raise BadInputError("this machine does not run systemd: use Docker Compose (docs/deploying.md)")


def programs(config: Config) -> Programs:
    """Find what the distribution should have brought; raise BadInputError with the packages that are missing."""
    nginx = shutil.which("nginx", path=SBIN)
    redis = next((found for name in REDIS if (found := shutil.which(name, path=SBIN))), None)
    missing = {
        "nginx": nginx is None,
        "redis-server": (config.brings_redis or site.keeps(config)) and redis is None,
        "postgresql": site.runs_postgres(config) and not any(POSTGRES.glob("*/bin/postgres")),
        "python3": not Path("/usr/bin/python3").exists(),
    }
    packages = [name for name, lacks in missing.items() if lacks]
    if not config.is_own:
        packages += [name for name in config.project.packages if not _is_installed(name)]
    if packages:
        raise BadInputError(f"packages are missing: apt install {' '.join(packages)}")
    return Programs(Path(str(nginx)), binaries.version(Path(str(nginx))), Path(redis) if redis else None, ipv6())


def _is_installed(package: str) -> bool:
    """Tell whether the distribution's package is there, whole."""
    done = commands.run(["dpkg-query", "--show", "--showformat=${db:Status-Status}", package])
    return done.status == 0 and done.output == "installed"


def cores() -> int:
    """Count the processors that this host lets us use."""
    return len(os.sched_getaffinity(0))


def ipv6() -> bool:
    """Tell whether this host speaks IPv6."""
    return Path("/proc/net/if_inet6").exists()


def require_ports(at: Places, config: Config) -> None:
    """Raise BadInputError for a port that somebody else listens on."""
    own = _listening(at)
    addresses = [one for one in listening.wanted(config) if ipv6() or ":" not in one]
    for port in {config.site.port, config.site.redirect_port, config.site.proxy_port} - {0} - own:
        try:
            ports.available(addresses, port)
        except BadInputError as error:
            raise BadInputError(f"{error}{_by_whom()}") from None


def _by_whom() -> str:
    """Name the one that Debian starts on port 80 by itself."""
    if systemctl.active("nginx.service"):
        return " (nginx.service runs: systemctl disable --now nginx)"
    return ""


def _listening(at: Places) -> set[int]:
    """Return the ports that our own nginx has."""
    if not systemctl.active(at.nginx):
        return set()
    texts = [path.read_text(encoding="utf-8") for path in (at.current / places.LINK / "nginx").glob("*.conf")]
    return {int(port) for text in texts for port in LISTEN.findall(text)}


def units(at: Places) -> tuple[str, ...]:
    """Name the units of this site that are here, of whatever release, neither another site's nor anybody's."""
    others = [path.stem for path in places.UNITS.glob(f"{at.name}-*.target")]
    found = [path.name for path in places.UNITS.glob(f"{at.name}[-.]*") if path.is_file() and not path.is_symlink()]
    alike = tuple(f"{other}{sign}" for other in others for sign in ("-", "."))
    return tuple(sorted(name for name in found if not name.startswith(alike) and _rendered(places.UNITS / name)))


def _rendered(unit: Path) -> bool:
    with unit.open("rb") as file:
        return file.read(len(RENDERED)) == RENDERED


def instances(at: Places) -> tuple[int, ...]:
    """Give the numbers of the instances that are here."""
    return tuple(sorted(int(path.name) for path in at.instances.glob("[0-9]*"))) if at.instances.is_dir() else ()


def processes(at: Places) -> tuple[str, ...]:
    """Name the units of [project.processes] that start at boot."""
    wanted = places.UNITS / f"{at.target}.wants"
    begin = at.process("", "").partition("@")[0]  # NAME-process-
    return tuple(sorted(path.name for path in wanted.glob(f"{begin}*@*.service"))) if wanted.is_dir() else ()


def jobs(at: Places) -> tuple[str, ...]:
    """Name the services of [project.schedule], and the one of the clean-up."""
    timers = [path for name in (at.schedule("*"), at.cleanup) for path in places.UNITS.glob(name)]
    return tuple(sorted(path.with_suffix(".service").name for path in timers))
