"""Bare Debian trees: what a newcomer's machine has, made once by mmdebstrap and mounted anew for each use."""

import os
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

TREES = Path(os.environ.get("PARLEY_TREES", "/var/tmp/parley-trees"))  # kept: making one takes half a minute
SOURCES = Path("/etc/apt/sources.list.d/debian.sources")
INSIDE = "/home/me/my checkout"
PERSON = 1000
PATIENCE = 190
# As a login has it. `unshare` gives each command a /proc of its own, whose processes end with it.
CLEAN = ("env", "-i", "PATH=/usr/local/bin:/usr/bin:/bin:/usr/local/games:/usr/games", "HOME=/home/me", "USER=me")
ISOLATED = ("unshare", "--mount", "--pid", "--fork", "--kill-child", "sh", "-ec")
# The shell stays, as the init that takes up orphans.
IN_TREE = 'mount -t proc proc "$1/proc"; root=$1; shift; chroot "$root" "$@"; exit 0'


@dataclass(frozen=True)
class Tree:
    """A bare Debian with the home of an ordinary person."""

    root: Path

    def command(self, *command: str, user: int = PERSON, **environment: str) -> list[str]:
        """Write a command that runs in it, with this machine's way to the Python index; an empty value is left out."""
        passed = {name: value for name, value in os.environ.items() if name.startswith("PIP_")}
        given = {"LANG": "C.UTF-8"} | passed | environment
        words = [f"{name}={value}" for name, value in given.items() if value]
        inside = ["setpriv", "--reuid", str(user), "--regid", str(user), "--clear-groups", *CLEAN, *words, *command]
        return [*ISOLATED, IN_TREE, "sh", str(self.root), *inside]

    def run(self, *command: str, user: int = PERSON, **environment: str) -> subprocess.CompletedProcess[str]:
        """Run a command in it to its end."""
        words = self.command(*command, user=user, **environment)
        return subprocess.run(words, capture_output=True, text=True, timeout=PATIENCE, check=False)

    def give(self) -> None:
        """Make everything in the home the person's."""
        home = self.root / "home" / "me"
        for path in [home, *home.rglob("*")]:
            os.chown(path, PERSON, PERSON, follow_symlinks=False)

    def owners(self) -> set[int]:
        """Return who owns the files of the checkout."""
        inside = self.root / INSIDE[1:]
        return {path.lstat().st_uid for path in [inside, *inside.rglob("*")]}


def lacks() -> str:
    """Name what this machine lacks for a tree, or nothing."""
    for need, missing in (
        ("root", os.geteuid() != 0),
        ("mmdebstrap", shutil.which("mmdebstrap") is None),
        ("Debian's archive", not SOURCES.exists()),
    ):
        if missing:
            return need
    return ""


def base_tree(suite: str, packages: Sequence[str]) -> Path:
    """Return the cached tree of a suite, making it where it is missing."""
    name = "-".join([suite, *packages])
    tree = TREES / name
    if not tree.exists():
        archive = next(line.split()[1] for line in SOURCES.read_text().splitlines() if line.startswith("URIs:"))
        TREES.mkdir(parents=True, exist_ok=True)
        new = TREES / f".{name}.{os.getpid()}"
        command = ["mmdebstrap", "--quiet", "--mode=root", "--variant=minbase", f"--include={','.join(packages)}"]
        command += ['--aptopt=Acquire::Check-Valid-Until "false"', suite, str(new), f"deb {archive} {suite} main"]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, timeout=300)
        new.rename(tree)
    return tree


@contextmanager
def mounted(space: Path, suite: str, *packages: str, size: str = "1g") -> Iterator[Tree]:
    """Mount a tree of the suite with python3 and these packages in the folder `space`, until the block ends."""
    with ExitStack() as stack:

        def mount(*arguments: str) -> None:
            subprocess.run(["mount", *arguments], check=True, capture_output=True)
            stack.callback(subprocess.run, ["umount", "--lazy", arguments[-1]], check=True)

        space.mkdir(parents=True, exist_ok=True)
        # Its own tmpfs: an overlay's upper layer must not lie on another overlay.
        mount("-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(space))
        root = space / "root"
        for folder in (root, space / "upper", space / "work"):
            folder.mkdir()
        lower = base_tree(suite, ("python3", *packages))
        layers = f"lowerdir={lower},upperdir={space}/upper,workdir={space}/work"
        mount("-t", "overlay", "-o", layers, "overlay", str(root))
        # The tree has device nodes of its own. This machine's /dev is not mounted: whatever cleans up after a
        # test that was killed would delete it.
        for name, mode in (("shm", 0o1777), ("pts", 0o755)):
            (root / "dev" / name).mkdir(exist_ok=True)
            (root / "dev" / name).chmod(mode)
        mount("-t", "devpts", "-o", "newinstance,mode=620,ptmxmode=666", "devpts", str(root / "dev" / "pts"))
        (root / "dev" / "ptmx").unlink(missing_ok=True)
        (root / "dev" / "ptmx").symlink_to("pts/ptmx")
        give_the_way_out(root)
        with (root / "etc" / "passwd").open("a") as users:
            users.write(f"me:x:{PERSON}:{PERSON}::/home/me:/bin/bash\n")
        with (root / "etc" / "group").open("a") as groups:
            groups.write(f"me:x:{PERSON}:\n")
        (root / "home" / "me").mkdir(parents=True)
        tree = Tree(root)
        tree.give()
        yield tree


def give_the_way_out(root: Path) -> None:
    """Name resolution, authorities and pip's local sources, as this machine has them."""
    for name in ("resolv.conf", "hosts"):
        shutil.copy2(f"/etc/{name}", root / "etc" / name)
    for variable in ("PIP_CERT", "PIP_FIND_LINKS", "PIP_CONFIG_FILE"):
        source = Path(os.environ.get(variable, ""))
        if source.is_file():
            target = root / str(source)[1:]
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, target)
    if Path("/etc/pip.conf").exists():
        shutil.copy2("/etc/pip.conf", root / "etc" / "pip.conf")
