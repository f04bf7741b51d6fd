"""Copies of the checkout, and bare Debian trees to run the launcher in."""

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PARTS = ("parley", "parley.toml", "pyproject.toml", "requirements", "deploy", "nginx", "app")
TREES = Path(os.environ.get("PARLEY_TREES", "/var/tmp/parley-trees"))  # kept: making one takes half a minute
SOURCES = Path("/etc/apt/sources.list.d/debian.sources")
INSIDE = "/home/me/my checkout"
PERSON = 1000


def copy_checkout(target: Path) -> Path:
    """Copy what the launcher needs, without an environment."""
    target.mkdir(parents=True)
    for part in PARTS:
        source = ROOT / part
        if source.is_dir():
            shutil.copytree(source, target / part, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy2(source, target / part)
    return target


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A clean checkout in a path with a space."""
    return copy_checkout(tmp_path / "my checkout")


@dataclass(frozen=True)
class Tree:
    """A bare Debian with the checkout in the home of an ordinary person."""

    root: Path

    def run(self, *command: str, user: int = PERSON, **environment: str) -> subprocess.CompletedProcess[str]:
        """Run a command in it, with this machine's way to the Python index."""
        passed = {name: value for name, value in os.environ.items() if name.startswith("PIP_")} | environment
        words = [f"{name}={value}" for name, value in passed.items()]
        clean = ["env", "-i", "PATH=/usr/local/bin:/usr/bin:/bin", "HOME=/home/me", "LANG=C.UTF-8", *words]
        inside = ["setpriv", "--reuid", str(user), "--regid", str(user), "--clear-groups", *clean, *command]
        return subprocess.run(
            ["chroot", str(self.root), *inside], capture_output=True, text=True, timeout=190, check=False
        )

    def owners(self) -> set[int]:
        """Return who owns the files of the checkout."""
        inside = self.root / INSIDE[1:]
        return {path.lstat().st_uid for path in [inside, *inside.rglob("*")]}


def base_tree(suite: str, *packages: str) -> Path:
    """Return the cached tree of a suite, making it where it is missing."""
    name = "-".join([suite, *packages])
    tree = TREES / name
    if not tree.exists():
        archive = next(line.split()[1] for line in SOURCES.read_text().splitlines() if line.startswith("URIs:"))
        TREES.mkdir(parents=True, exist_ok=True)
        new = TREES / f".{name}.{os.getpid()}"
        command = ["mmdebstrap", "--quiet", "--mode=root", "--variant=minbase", f"--include={','.join(packages)}"]
        command += ['--aptopt=Acquire::Check-Valid-Until "false"', suite, str(new), f"deb {archive} {suite} main"]
        subprocess.run(command, check=True, capture_output=True, timeout=300)
        new.rename(tree)
    return tree


@pytest.fixture
def debian(tmp_path: Path) -> Iterator[Callable[..., Tree]]:
    """Makes trees: an overlay over the cached one, with /proc and the machine's authorities."""
    for need, missing in (
        ("root", os.geteuid() != 0),
        ("mmdebstrap", shutil.which("mmdebstrap") is None),
        ("Debian's archive", not SOURCES.exists()),
    ):
        if missing:
            pytest.skip(f"a bare Debian tree needs {need}")
    with ExitStack() as stack:

        def mount(*arguments: str) -> None:
            subprocess.run(["mount", *arguments], check=True, capture_output=True)
            stack.callback(subprocess.run, ["umount", "--lazy", arguments[-1]], check=True)

        def make(suite: str, *packages: str) -> Tree:
            # Its own tmpfs: an overlay's upper layer must not lie on another overlay.
            space = tmp_path / suite
            space.mkdir()
            mount("-t", "tmpfs", "-o", "size=1g", "tmpfs", str(space))
            root = space / "root"
            for folder in (root, space / "upper", space / "work"):
                folder.mkdir()
            lower = base_tree(suite, "python3", *packages)
            layers = f"lowerdir={lower},upperdir={space}/upper,workdir={space}/work"
            mount("-t", "overlay", "-o", layers, "overlay", str(root))
            mount("-t", "proc", "proc", str(root / "proc"))
            # The tree has device nodes of its own. This machine's /dev is not mounted: whatever cleans up after a
            # test that was killed would delete it.
            (root / "dev" / "shm").mkdir(mode=0o1777, exist_ok=True)
            (root / "dev" / "shm").chmod(0o1777)
            give_the_way_out(root)
            home = root / "home" / "me"
            home.mkdir(parents=True)
            copy_checkout(root / INSIDE[1:])
            for path in [home, *home.rglob("*")]:
                os.chown(path, PERSON, PERSON)
            return Tree(root)

        yield make


def give_the_way_out(root: Path) -> None:
    """Name resolution, authorities and pip's local sources, as this machine has them."""
    shutil.copy2("/etc/resolv.conf", root / "etc" / "resolv.conf")
    for variable in ("PIP_CERT", "PIP_FIND_LINKS", "PIP_CONFIG_FILE"):
        source = Path(os.environ.get(variable, ""))
        if source.is_file():
            target = root / str(source)[1:]
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, target)
    if Path("/etc/pip.conf").exists():
        shutil.copy2("/etc/pip.conf", root / "etc" / "pip.conf")
