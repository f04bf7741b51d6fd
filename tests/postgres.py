"""A PostgreSQL of the tests' own, on a unix socket in a temporary folder."""

import contextlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest

USER = "parley"
OWN = '[database]                       # PostgreSQL\nurl = ""'  # of parley.toml


def binaries() -> Path | None:
    """Where the newest PostgreSQL of this machine is."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    on_path = shutil.which("initdb")
    return found[-1].parent if found else Path(on_path).parent if on_path else None


def as_somebody(*command: str | Path) -> list[str]:
    """PostgreSQL refuses to run as root."""
    drop = ["setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups"] if os.geteuid() == 0 else []
    return [*drop, *map(str, command)]


def quietly(directory: Path, *command: str) -> None:
    """Run a tool; what it prints goes to a file, which a server that it starts may keep open."""
    with (directory / "tools.log").open("ab") as output:
        subprocess.run(command, check=True, cwd=directory, stdout=output, stderr=output)


@contextlib.contextmanager
def running_cluster() -> Iterator[Path]:
    """Run a cluster until the block ends; gives the folder of its socket. Skips where there is no PostgreSQL."""
    found = binaries()
    if found is None:
        pytest.skip("there is no PostgreSQL server: install postgresql")
    if os.geteuid() == 0 and shutil.which("setpriv") is None:
        pytest.skip("PostgreSQL does not run as root: install util-linux, for setpriv")
    with tempfile.TemporaryDirectory(prefix="parley-pg-") as name:
        directory = Path(name)
        if os.geteuid() == 0:
            shutil.chown(directory, "nobody", "nogroup")
        data = directory / "data"
        quietly(directory, *as_somebody(found / "initdb", "-D", data, "-U", USER, "--auth=trust", "-N"))
        _start(directory)
        try:
            yield directory
        finally:
            _stop(directory)


def named(directory: Path) -> tuple[str, str, str]:
    """Give the change of a checkout whose database is this cluster."""
    url = f"postgres://{USER}@{quote(str(directory), safe='')}/postgres"
    return "parley.toml", OWN, f'[database]\nurl = "{url}"'


@contextlib.contextmanager
def stopped(directory: Path) -> Iterator[None]:
    """Stop a cluster, as if it had crashed, until the block ends."""
    _stop(directory)
    try:
        yield
    finally:
        _start(directory)


def _start(directory: Path) -> None:
    options = f"-c listen_addresses= -c unix_socket_directories={directory} -c fsync=off -c deadlock_timeout=100ms"
    quietly(directory, *_control(directory), "-o", options, "start")


def _stop(directory: Path) -> None:
    quietly(directory, *_control(directory), "-m", "immediate", "stop")


def _control(directory: Path) -> list[str]:
    found = binaries()
    assert found
    return as_somebody(found / "pg_ctl", "-D", directory / "data", "-w", "-s", "-l", directory / "log")
