"""A PostgreSQL of the tests' own, on a unix socket in a temporary folder."""

import contextlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

USER = "parley"


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
        pytest.skip("PostgreSQL's initdb is not on this machine")
    if os.geteuid() == 0 and shutil.which("setpriv") is None:
        pytest.skip("setpriv is not on this machine: PostgreSQL does not run as root")
    with tempfile.TemporaryDirectory(prefix="parley-pg-") as name:
        directory = Path(name)
        if os.geteuid() == 0:
            shutil.chown(directory, "nobody", "nogroup")
        data = directory / "data"
        quietly(directory, *as_somebody(found / "initdb", "-D", data, "-U", USER, "--auth=trust", "-N"))
        options = f"-c listen_addresses= -c unix_socket_directories={directory} -c fsync=off -c deadlock_timeout=100ms"
        control = as_somebody(found / "pg_ctl", "-D", data, "-w", "-s", "-l", directory / "log")
        quietly(directory, *control, "-o", options, "start")
        try:
            yield directory
        finally:
            quietly(directory, *control, "-m", "immediate", "stop")
