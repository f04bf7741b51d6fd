"""What /proc says of a process on this machine."""

from collections.abc import Mapping
from pathlib import Path

PROC = Path("/proc")


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


def children(pid: int | None) -> list[int]:
    """Give a process's children; none of one that has ended."""
    try:
        return [int(one) for one in (PROC / f"{pid}/task/{pid}/children").read_text().split()]
    except (FileNotFoundError, ProcessLookupError):
        return []
