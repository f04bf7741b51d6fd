"""This machine: disk, descriptors, who may read what, and the versions that are installed."""

import os
import re
import stat
from collections.abc import Iterator

from deploy.effects import procfs
from deploy.model.config import ROOT
from deploy.operations.doctor.check import Check, NotApplicable, require
from deploy.operations.doctor.target import Target

LEAST_MEGABYTES = 512  # a backup, a log that grows over night, and time to do something
MOST_USED = 0.8  # of a limit of open files
LOCK = ROOT / "requirements" / "run.txt"
# What a socket goes through; the rest of the lock is whoever of these needs it.
PINNED = (
    *("django", "channels", "channels-redis", "redis", "gunicorn", "uvicorn", "uvicorn-worker", "uvloop"),
    *("websockets", "httptools", "msgspec"),
)


async def disk(target: Target) -> str:
    """Ask each folder's file system."""
    said = []
    for folder in target.adapter.folders():
        found = os.statvfs(folder)
        free = found.f_bavail * found.f_frsize // 1_000_000
        require(free >= LEAST_MEGABYTES, f"{folder} has {free} MB left, less than {LEAST_MEGABYTES}")
        said.append(free)
    return f"{min(said)} MB left"


async def descriptors(target: Target) -> str:
    """Count what nginx and each instance have open."""
    said = 0.0
    for name, pid in _processes(target):
        try:
            used, most = procfs.descriptors(pid), procfs.open_files(pid)
        except PermissionError:
            raise NotApplicable("only root may count what another user's processes have open") from None
        require(used <= MOST_USED * most, f"{name} (process {pid}) has {used} of {most} open")
        said = max(said, used / most)
    return f"{said:.1%} of a limit at most"


def _processes(target: Target) -> Iterator[tuple[str, int]]:
    masters = {one.name: one.pid for one in target.adapter.replicas()} | {"nginx": target.adapter.nginx()}
    for name, master in masters.items():
        for pid in procfs.children(master):
            yield name, pid


async def private(target: Target) -> str:
    """Look at the modes."""
    found = target.adapter.secrets()
    if not found:
        raise NotApplicable("they are in volumes that only the containers can read")
    for path in found:
        mode = stat.S_IMODE(path.stat().st_mode)
        require(not mode & stat.S_IRWXO, f"{path} can be read by everybody ({mode:04o})")
    return ", ".join(path.name for path in found)


async def versions(target: Target) -> str:
    """Compare what is installed with the lock."""
    locked = dict(re.findall(r"^([a-z0-9-]+)==([^ ;\\]+)", LOCK.read_text(encoding="utf-8"), re.MULTILINE))
    here = target.adapter.installed(PINNED)
    odd = [name for name in PINNED if here.get(name) != locked[name]]
    require(not odd, "; ".join(f"{name} is {here.get(name, 'missing')}, the lock has {locked[name]}" for name in odd))
    return f"{len(PINNED)} packages"


CHECKS = (
    Check(
        "versions-are-locked",
        "the server's packages have the locked versions",
        "asks the app's Python, and compares with requirements/run.txt",
        "remove .venv: the next `./parley` makes it from the lock; on a server roll out a release",
        "docs/decisions/server.md",
        versions,
        ("stack-runs",),
    ),
    Check(
        "disk-has-room",
        f"{LEAST_MEGABYTES} MB are free where the stack writes",
        "asks each folder's file system",
        "remove old logs and backups, or give it a larger disk, before the database cannot write",
        "docs/deploying.md",
        disk,
        ("stack-runs",),
    ),
    Check(
        "descriptors-are-left",
        f"no process has more than {MOST_USED:.0%} of its open files in use",
        "counts /proc/PID/fd of nginx's workers and of each instance's",
        "raise the limit of open files (limits.open_files; `ulimit -n` for `up`), or add instances",
        "docs/pitfalls/G19-too-many-open-files.md",
        descriptors,
        ("stack-runs",),
    ),
    Check(
        "secrets-are-private",
        "nobody else on this machine can read the keys",
        "looks at the files' modes",
        "chmod o= the file, and create a new key if this machine has other users",
        "SECURITY.md",
        private,
        ("stack-runs",),
        ("local", "systemd"),
    ),
)
