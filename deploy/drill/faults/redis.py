"""Faults of Redis, which holds nothing that cannot be lost."""

import asyncio
import signal
import time
from pathlib import Path

from deploy.drill import processes
from deploy.drill.faults.instance import running
from deploy.drill.faults.scene import Scene
from deploy.drill.stack import Stack
from deploy.errors import StackError

DOWN_SECONDS = 10.0
BACK_SECONDS = 30.0  # `up` pauses longer and longer between the starts of what keeps dying


async def redis_killed(scene: Scene) -> None:
    """Kill Redis, and again whenever `up` has started it, for 10 s; wait until it is back."""
    running(scene.stack, "redis")
    end = time.monotonic() + DOWN_SECONDS
    while time.monotonic() < end:
        if pid := scene.stack.pid("redis"):
            processes.tell(pid, signal.SIGKILL)
        await asyncio.sleep(processes.POLL)
    async with asyncio.timeout(BACK_SECONDS):
        while not await answers(scene.stack):  # noqa: ASYNC110 (nothing to await)
            await asyncio.sleep(processes.POLL)


async def redis_frozen(scene: Scene) -> None:
    """Stop Redis for 10 s: connections stay open and nothing answers."""
    pid = running(scene.stack, "redis")
    try:
        processes.tell(pid, signal.SIGSTOP)
        await asyncio.sleep(DOWN_SECONDS)
    finally:
        processes.tell(pid, signal.SIGCONT)


async def redis_flushed(scene: Scene) -> None:
    """Empty Redis."""
    reply = await command(at(scene.stack), "FLUSHALL")
    if reply != b"+OK":
        raise StackError(f"FLUSHALL answered {reply!r}")


async def answers(stack: Stack) -> bool:
    """Tell whether Redis answers PING."""
    try:
        return await command(at(stack), "PING") == b"+PONG"
    except OSError:
        return False


def at(stack: Stack) -> Path:
    """Give Redis's socket; raises StackError without Redis."""
    if stack.redis_socket is None:
        raise StackError("this stack runs without Redis")
    return stack.redis_socket


async def command(path: Path, word: str) -> bytes:
    """Send one inline command and give the first line of the answer; raises OSError, TimeoutError among them."""
    async with asyncio.timeout(5):
        reader, writer = await asyncio.open_unix_connection(str(path))
        try:
            writer.write(f"{word}\r\n".encode())
            return (await reader.readline()).strip()
        finally:
            writer.close()
