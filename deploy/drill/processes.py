"""Processes of others, by /proc: whose children are alive, and waiting for that to change."""

import asyncio
import inspect
import os
import signal
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path

from deploy.errors import StackError

POLL = 0.05
DEAD = {"Z", "X"}


def alive(pid: int) -> bool:
    """Tell whether this process runs; a zombie does not."""
    return _parent(pid) is not None


def children(pid: int) -> frozenset[int]:
    """Give the children of a process that are alive."""
    numbers = (int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit())
    return frozenset(number for number in numbers if _parent(number) == pid)


def tell(pid: int, number: signal.Signals) -> None:
    """Send a signal; a process that has just ended needs none."""
    with suppress(ProcessLookupError):
        os.kill(pid, number)


async def until(holds: Callable[[], bool | Awaitable[bool]], seconds: float, what: str) -> None:
    """Wait until the condition holds; raises StackError that names it when it does not come true in time."""
    deadline = time.monotonic() + seconds
    while not (await now if inspect.isawaitable(now := holds()) else now):
        if time.monotonic() > deadline:
            raise StackError(f"not within {seconds:g} s: {what}")
        await asyncio.sleep(POLL)  # other processes' states have no event to await


def _parent(pid: int) -> int | None:
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    state, parent = stat.rpartition(")")[2].split()[:2]  # the name before it may hold anything
    return None if state in DEAD else int(parent)
