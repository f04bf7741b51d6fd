"""What the figures were taken on: they say little without it."""

import os
import platform
import re
import resource
from pathlib import Path
from typing import Any

from deploy.errors import BadInputError

SPARE_FILES = 512  # of the generator and of each server, beside the sockets


def facts() -> dict[str, Any]:
    """Name the processor, its cores, the memory and the versions that matter."""
    model = re.search(r"^model name\s*:\s*(.+)$", _read("/proc/cpuinfo"), re.MULTILINE)
    memory = re.search(r"^MemTotal:\s*(\d+)", _read("/proc/meminfo"), re.MULTILINE)
    return {
        "cpu": model.group(1) if model else platform.machine(),
        "cores": len(os.sched_getaffinity(0)),
        "memory_mb": int(memory.group(1)) // 1024 if memory else 0,
        "kernel": platform.release(),
        "python": platform.python_version(),
        "load_1m": round(os.getloadavg()[0], 2),
    }


def require_files(members: int) -> None:
    """Raise BadInputError where the open-files limit is too low for so many sockets in one process."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = members + SPARE_FILES
    if hard != resource.RLIM_INFINITY and hard < needed:
        raise BadInputError(f"{members} members need {needed} open files and the limit is {hard}: raise ulimit -n")


def _read(path: str) -> str:
    try:
        return Path(path).read_text(encoding="utf-8")
    except OSError:
        return ""
