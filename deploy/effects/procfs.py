"""What /proc says of a process on this machine."""

from collections.abc import Mapping
from pathlib import Path

PROC = Path("/proc")
DEAD = {"Z", "X"}


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


def _parent(pid: int) -> int | None:
    try:
        stat = (PROC / str(pid) / "stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    state, parent = stat.rpartition(")")[2].split()[:2]  # the name before it may hold anything
    return None if state in DEAD else int(parent)
