"""What /proc says of a process on this machine."""

from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path

PROC = Path("/proc")
DEAD = {"Z", "X"}
LISTENS = "0A"  # the state of a TCP socket that does


def environment(pid: int | None) -> Mapping[str, str]:
    """Give what a process was started with; empty for one that has ended."""
    try:
        text = (PROC / str(pid) / "environ").read_bytes().decode(errors="replace") if pid else ""
    except (FileNotFoundError, ProcessLookupError):
        return {}
    except PermissionError:
        if _is_ending(pid):  # its own user may not read it any more, either
            return {}
        raise
    return {name: value for name, _, value in (line.partition("=") for line in text.split("\0") if line)}


def _is_ending(pid: int | None) -> bool:
    """Tell whether a process has given its memory back: it is a zombie, or will be in a moment."""
    try:
        return (PROC / str(pid) / "statm").read_text().split()[0] == "0"
    except (FileNotFoundError, ProcessLookupError):
        return True


def open_files(pid: int | None, *, hard: bool = False) -> int:
    """Give a process's limit of open files."""
    lines = (PROC / str(pid) / "limits").read_text().splitlines()
    words = next(line for line in lines if line.startswith("Max open files")).split()
    return int(words[4 if hard else 3].replace("unlimited", str(2**31)))


def descriptors(pid: int) -> int:
    """Count what a process has open."""
    return len(list((PROC / str(pid) / "fd").iterdir()))


def alive(pid: int) -> bool:
    """Tell whether this process runs; a zombie does not."""
    return _parent(pid) is not None


def children(pid: int | None) -> frozenset[int]:
    """Give the children of a process that are alive; none of one that has ended."""
    numbers = (int(entry.name) for entry in PROC.iterdir() if entry.name.isdigit())
    return frozenset(number for number in numbers if pid and _parent(number) == pid)


def title(pid: int) -> str:
    """Give a process's command line, or what it calls itself; empty for one that has ended."""
    try:
        return (PROC / str(pid) / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
    except OSError:
        return ""


def listener(port: int) -> int | None:
    """Give the first process that listens on a TCP port; None where there is none, or it is another user's."""
    sockets = {f"socket:[{inode}]" for name in ("tcp", "tcp6") for inode in _listening(name, port)}
    numbers = sorted(int(entry.name) for entry in PROC.iterdir() if entry.name.isdigit())
    return next((number for number in numbers if sockets & _open(number)), None)


def _listening(name: str, port: int) -> Iterator[str]:
    """Give the inodes of the sockets that listen there."""
    try:
        _, *lines = (PROC / "net" / name).read_text().splitlines()
    except OSError:  # no IPv6 here
        return
    for words in map(str.split, lines):
        if words[3] == LISTENS and int(words[1].rpartition(":")[2], 16) == port:
            yield words[9]


def _open(pid: int) -> set[str]:
    found = set()
    with suppress(OSError):  # another user's, or it has ended
        for entry in (PROC / str(pid) / "fd").iterdir():
            with suppress(OSError):
                found.add(str(entry.readlink()))
    return found


def _parent(pid: int) -> int | None:
    try:
        stat = (PROC / str(pid) / "stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    state, parent = stat.rpartition(")")[2].split()[:2]  # the name before it may hold anything
    return None if state in DEAD else int(parent)
