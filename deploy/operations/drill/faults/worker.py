"""Faults of one worker: its instance's gunicorn lives and starts another."""

import signal

from deploy.effects import procfs
from deploy.errors import StackError
from deploy.operations.drill import waiting
from deploy.operations.drill.faults.fault import Scene
from deploy.operations.drill.stack import Stack, until_ready

NEW_WORKER_SECONDS = 20.0
FROZEN_SECONDS = 45.0  # gunicorn's timeout, the abort it sends first, and the kill


async def worker_killed(scene: Scene) -> None:
    """Kill the worker of the first instance and wait for the next one."""
    name = (await scene.stack.names())[0]
    worker = await the_worker(scene.stack, name)
    waiting.tell(worker, signal.SIGKILL)
    await replaced(scene.stack, name, worker, NEW_WORKER_SECONDS)


async def worker_frozen(scene: Scene) -> None:
    """Stop the worker of the first instance: gunicorn misses its heartbeat, kills it and starts another."""
    name = (await scene.stack.names())[0]
    worker = await the_worker(scene.stack, name)
    try:
        waiting.tell(worker, signal.SIGSTOP)
        await replaced(scene.stack, name, worker, FROZEN_SECONDS)
    finally:
        waiting.tell(worker, signal.SIGCONT)


async def the_worker(stack: Stack, name: str) -> int:
    """Give the one worker of an instance; raises StackError when there is none right now."""
    master = await stack.pid(name)
    workers = procfs.children(master) if master else frozenset()
    if not workers:
        raise StackError(f"{name} has no worker")
    return max(workers)


async def replaced(stack: Stack, name: str, worker: int, seconds: float) -> None:
    """Wait until a worker is gone and its instance is ready with another; raises StackError."""
    await waiting.until(lambda: not procfs.alive(worker), seconds, f"the end of worker {worker} of {name}")
    await until_ready(stack, name, NEW_WORKER_SECONDS)
