"""Whose a site's name is on this host: nothing that has it is written over or removed unless it is Parley's."""

import grp
import pwd
import re
from collections.abc import Iterator
from pathlib import Path

from deploy.errors import BadInputError
from deploy.model.config import Config
from deploy.stacks.systemd import postgres, systemctl
from deploy.text.systemd import places, site
from deploy.text.systemd.places import Places

NOBODYS_HOME = "/nonexistent"  # of the users that we make
ENVIRONMENT = re.compile(r"[A-Za-z0-9_-]+\n?")
RELEASE = re.compile(r".+-[0-9a-f]{8}")


def ours(at: Places) -> bool:
    """Tell whether a site of this name is installed, or was, and its people's data is kept.

    Both files say so together: a folder that somebody else has in /etc or /opt may well have an `env` or `releases`.
    """
    return at.toml.is_file() and _environment(at.env)


def sites() -> list[str]:
    """Name the sites of this host."""
    return sorted(path.parent.name for path in places.ETC.glob("*/parley.toml") if ours(Places(path.parent.name)))


def require(at: Places, config: Config) -> None:
    """Raise BadInputError where something of the host, and not of this site, has the site's name."""
    if ours(at):
        return
    if (other := next((one for one in sites() if alike(at.name, one)), None)) is not None:
        # A unit of `chat-web` may be called as one of `chat` is, and would be removed with it.
        raise _taken(at, f"units of the site {other} begin alike")
    if (what := next(foreign(at), None)) is None:
        what = f"the role or the database {at.name} in PostgreSQL"
        if not (site.runs_postgres(config) and systemctl.active(postgres.UNIT) and postgres.known(at.name)):
            return
    raise _taken(at, f"{what} is not Parley's")


def alike(one: str, other: str) -> bool:
    """Tell whether a unit of the one could be called as if it were the other's."""
    return one.startswith(f"{other}-") or other.startswith(f"{one}-")


def foreign(at: Places) -> Iterator[str]:
    """Name what has the name and is somebody else's; an installation that ended early has left folders of ours."""
    known: dict[Path, set[str]] = {
        at.etc: {
            "tls",
            "secrets",
            "releases",
            "parley.toml",
            at.owner.name,
            *(["env"] if _environment(at.env) else []),
        },
        at.opt: {"instances", "environments", "processes", *(["releases"] if _releases(at.releases) else [])},
        at.state: {"backups", "acme", "static", "rollout.lock", "data", "media", "write", "store"},
        at.run: set(),
    }
    for folder, names in known.items():
        if folder.exists() and (not folder.is_dir() or {path.name for path in folder.iterdir()} - names):
            yield str(folder)
    if (found := account(at.name)) and found != (NOBODYS_HOME, at.name):
        yield f"the user {at.name}"
    # The target, a service, an instance's template; and any other that begins so would count as one of ours later.
    for unit in (path for folder in places.UNIT_FOLDERS for path in sorted(folder.glob(f"{at.name}[-.@]*"))):
        if unit.is_symlink() or unit.is_file():
            yield str(unit)


def account(name: str) -> tuple[str, str] | None:
    """Return the home and the group of the user of this name."""
    try:
        user = pwd.getpwnam(name)
    except KeyError:
        return None
    try:
        return user.pw_dir, grp.getgrgid(user.pw_gid).gr_name
    except KeyError:
        return user.pw_dir, ""


def _environment(path: Path) -> bool:
    """Tell whether a file has the name of an [env.NAME], and nothing else."""
    try:
        return bool(ENVIRONMENT.fullmatch(path.read_text(encoding="utf-8")))
    except (OSError, UnicodeDecodeError):
        return False


def _releases(folder: Path) -> bool:
    return folder.is_dir() and all(RELEASE.fullmatch(path.name) for path in folder.iterdir())


def _taken(at: Places, why: str) -> BadInputError:
    return BadInputError(f"the name {at.name} is taken: {why}; choose another site.name in parley.toml")
