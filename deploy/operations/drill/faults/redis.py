"""Faults of Redis, which holds nothing that cannot be lost."""

import asyncio
import signal
import time
from pathlib import Path

from deploy.errors import StackError
from deploy.operations.drill import waiting
from deploy.operations.drill.faults.fault import Scene
from deploy.operations.drill.faults.instance import running
from deploy.operations.drill.stack import Stack

DOWN_SECONDS = 10.0
BACK_SECONDS = 60.0  # `up` and Docker pause longer and longer between the starts of what keeps dying


async def redis_killed(scene: Scene) -> None:
    """Kill Redis, and again whenever it was started again, for 10 s; wait until it is back."""
    await running(scene.stack, "redis")
    end = time.monotonic() + DOWN_SECONDS
    while time.monotonic() < end:
        if pid := await scene.stack.pid("redis"):
            waiting.tell(pid, signal.SIGKILL)
        await asyncio.sleep(waiting.POLL)
    async with asyncio.timeout(BACK_SECONDS):
        while not await answers(scene.stack):  # noqa: ASYNC110 (nothing to await)
            await asyncio.sleep(waiting.POLL)


async def redis_frozen(scene: Scene) -> None:
    """Stop Redis for 10 s: connections stay open and nothing answers."""
    pid = await running(scene.stack, "redis")
    try:
        waiting.tell(pid, signal.SIGSTOP)
        await asyncio.sleep(DOWN_SECONDS)
    finally:
        waiting.tell(pid, signal.SIGCONT)


async def redis_flushed(scene: Scene) -> None:
    """Empty Redis."""
    reply = await command(at(scene.stack), "FLUSHALL")
    if reply != b"+OK":
        raise StackError(f"FLUSHALL answered {reply!r}")


async def answers(stack: Stack) -> bool:
    """Tell whether Redis answers PING; where it cannot be asked from here, whether it runs."""
    try:
        if stack.redis_socket is None:
            return await stack.pid("redis") is not None
        return await command(stack.redis_socket, "PING") == b"+PONG"
    except OSError:
        return False


def at(stack: Stack) -> Path:
    """Give Redis's socket; raises StackError where there is none."""
    if stack.redis_socket is None:
        raise StackError("this stack has no Redis on a socket of this machine")
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
