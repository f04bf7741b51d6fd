"""What this host has: the programs, the units and instances of an earlier installation, the ports."""

import grp
import os
import pwd
import re
import shutil
from pathlib import Path

from deploy.config import Config
from deploy.errors import BadInputError
from deploy.stacks.local import binaries, ports
from deploy.stacks.systemd import places, postgres, systemctl
from deploy.stacks.systemd.places import Places
from deploy.stacks.systemd.site import Programs

SBIN = os.pathsep.join(("/usr/sbin", "/usr/bin", "/sbin", "/bin"))
REDIS = ("redis-server", "valkey-server")
POSTGRES = Path("/usr/lib/postgresql")
NOBODYS_HOME = "/nonexistent"  # of the users that we make
LISTEN = re.compile(r"^\s*listen (\S+)", re.MULTILINE)


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
        "redis-server": config.brings_redis and redis is None,
        "postgresql": config.brings_postgres and not any(POSTGRES.glob("*/bin/postgres")),
        "python3": not Path("/usr/bin/python3").exists(),
    }
    if packages := [name for name, lacks in missing.items() if lacks]:
        raise BadInputError(f"packages are missing: apt install {' '.join(packages)}")
    return Programs(Path(str(nginx)), binaries.version(Path(str(nginx))), Path(redis) if redis else None, ipv6())


def cores() -> int:
    """Count the processors that this host lets us use."""
    return len(os.sched_getaffinity(0))


def ipv6() -> bool:
    """Tell whether this host speaks IPv6."""
    return Path("/proc/net/if_inet6").exists()


def require_ports(at: Places, config: Config) -> None:
    """Raise BadInputError for a port that somebody else listens on."""
    own = _listening(at)
    addresses = [one for one in ports.wanted(config) if ipv6() or ":" not in one]
    for port in {config.site.port, config.site.http_port} - {0} - own:
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
    return {int(found.rpartition(":")[2]) for text in texts for found in LISTEN.findall(text)}


def units(at: Places) -> tuple[str, ...]:
    """Name the units of this site that are here, of whatever release, and not those of a site named alike."""
    others = [path.stem for path in places.UNITS.glob(f"{at.name}-*.target")]
    found = [path.name for path in places.UNITS.glob(f"{at.name}[-.]*") if path.is_file() and not path.is_symlink()]
    alike = tuple(f"{other}{sign}" for other in others for sign in ("-", "."))
    return tuple(sorted(name for name in found if not name.startswith(alike)))


def instances(at: Places) -> tuple[int, ...]:
    """Give the numbers of the instances that are here."""
    return tuple(sorted(int(path.name) for path in at.instances.glob("[0-9]*"))) if at.instances.is_dir() else ()


def require_name(at: Places, config: Config) -> None:
    """Raise BadInputError where something of the host, and not of Parley, has the site's name."""
    if at.env.is_file() or at.toml.is_file() or at.releases.is_dir():
        return  # ours, or begun, or written for us
    ours = {at.etc: ("tls", "secrets"), at.opt: (), at.state: ("backups", "acme"), at.run: ()}
    for folder, known in ours.items():
        if folder.exists() and (not folder.is_dir() or {path.name for path in folder.iterdir()} - set(known)):
            raise _taken(at, str(folder))
    try:
        if (account := pwd.getpwnam(at.name)).pw_dir != NOBODYS_HOME or grp.getgrgid(account.pw_gid).gr_name != at.name:
            raise _taken(at, f"the user {at.name}")
    except KeyError:
        pass
    if config.brings_postgres and systemctl.active(postgres.UNIT) and postgres.known(at.name):
        raise _taken(at, f"the role or the database {at.name} in PostgreSQL")


def _taken(at: Places, what: str) -> BadInputError:
    return BadInputError(
        f"the name {at.name} is taken: {what} is not Parley's; choose another site.name in parley.toml"
    )
