"""What tests make on the engine carries the name of the process that made it: a later run can tell whose it is.

Containers have restart policies, so those of a run that was killed come back whenever the engine starts; with their
networks they would take what a new run needs.
"""

import os
import re
import secrets
import subprocess
from pathlib import Path

NAME = re.compile(r"parley-test-(\d+)-(\d+)-[0-9a-f]{6}")
# In the order in which they let go of each other.
KINDS = {
    "container": ("ls", "--all", "--format={{.Names}}"),
    "network": ("ls", "--format={{.Name}}"),
    "volume": ("ls", "--format={{.Name}}"),
    "image": ("ls", "--format={{.Repository}}:{{.Tag}}"),
}


def new_name(process: int | None = None) -> str:
    """Make a name for a project, or for anything else on the engine, that says whose it is."""
    owner = process or os.getpid()
    return f"parley-test-{owner}-{_born(owner)}-{secrets.token_hex(3)}"


def naming() -> dict[str, str]:
    """Give the variables of a new project: its name is longer than a site's, and any checkout may act on it."""
    name = new_name()
    return {"COMPOSE_PROJECT_NAME": name, "PARLEY_NAME": short_name(), "PARLEY_CHECKOUT": name}


def short_name() -> str:
    """Make a name of a site."""
    return f"t-{secrets.token_hex(5)}"


def left(name: str) -> list[str]:
    """List what begins with a name, and the images that Compose built for it and then forgot."""
    found = [one for kind in KINDS for one in _listed(kind) if one.startswith(name)]
    return found + _docker("image", "ls", "--quiet", f"--filter=label=com.docker.compose.project={name}").split()


def sweep() -> None:
    """Remove what is of test runs that are no more."""
    for kind in KINDS:
        dead = [one for one in _listed(kind) if (found := NAME.match(one)) and not _lives(*found.groups())]
        if dead:  # another run may be sweeping too
            volumes = ["--volumes"] if kind == "container" else []
            _docker(kind, "rm", *([] if kind == "network" else ["--force"]), *volumes, *dead)


def _listed(kind: str) -> list[str]:
    return _docker(kind, *KINDS[kind]).splitlines()


def _docker(*words: str) -> str:
    return subprocess.run(["docker", *words], capture_output=True, text=True, check=False).stdout


def _lives(process: str, born: str) -> bool:
    return _born(int(process)) == born


def _born(process: int) -> str:
    """Return when a process began, in the kernel's ticks: its number may be another's by now; "" for none."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[19]
    except OSError:
        return ""
