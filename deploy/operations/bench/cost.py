"""What processes cost, by /proc: CPU time of whole trees, memory as the share that is theirs (PSS)."""

import os
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

PROC = Path("/proc")
TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")
UTIME, STIME, CUTIME, CSTIME = 11, 12, 13, 14  # of the fields after the name, see proc_pid_stat(5)


def tree(root: int, proc: Path = PROC) -> list[int]:
    """List a process and everything below it; empty when it has gone."""
    found: list[int] = []
    waiting = [root]
    while waiting:
        pid = waiting.pop()
        if not (proc / str(pid)).exists():
            continue
        found.append(pid)
        for task in _tasks(proc / str(pid) / "task"):
            with suppress(OSError):
                waiting += [int(child) for child in (task / "children").read_text(encoding="ascii").split()]
    return found


def cpu_seconds(roots: Iterable[int], proc: Path = PROC) -> float:
    """Sum the CPU time of these trees: all threads, and all children that have ended and were waited for."""
    ticks = 0
    for pid in _trees(roots, proc):
        with suppress(OSError):
            stat = (proc / str(pid) / "stat").read_text(encoding="utf-8", errors="replace")
            fields = stat.rpartition(")")[2].split()  # the name before it may hold anything
            ticks += sum(int(fields[index]) for index in (UTIME, STIME, CUTIME, CSTIME))
    return ticks / TICKS_PER_SECOND


def pss_kilobytes(roots: Iterable[int], proc: Path = PROC) -> int:
    """Sum the PSS of these trees: a page that n processes share counts 1/n in each."""
    kilobytes = 0
    for pid in _trees(roots, proc):
        with suppress(OSError):
            for line in (proc / str(pid) / "smaps_rollup").read_text(encoding="ascii").splitlines():
                if line.startswith("Pss:"):
                    kilobytes += int(line.split()[1])
    return kilobytes


def cpu_by_group(groups: Mapping[str, Sequence[int]]) -> dict[str, float]:
    """Give each group's CPU seconds so far."""
    return {name: cpu_seconds(roots) for name, roots in groups.items()}


def pss_by_group(groups: Mapping[str, Sequence[int]]) -> dict[str, int]:
    """Give each group's PSS in kB now."""
    return {name: pss_kilobytes(roots) for name, roots in groups.items()}


def _trees(roots: Iterable[int], proc: Path) -> set[int]:
    return {pid for root in roots for pid in tree(root, proc)}


def _tasks(folder: Path) -> list[Path]:
    try:
        return list(folder.iterdir())
    except OSError:
        return []
