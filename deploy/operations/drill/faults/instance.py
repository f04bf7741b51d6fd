"""Faults of whole instances: ended gracefully, rolled, reloaded."""

import signal

from deploy.errors import StackError
from deploy.operations.drill import waiting
from deploy.operations.drill.faults.fault import Scene
from deploy.operations.drill.faults.worker import replaced, the_worker
from deploy.operations.drill.stack import Stack, until_ready

END_SECONDS = 40.0  # the whole shutdown chain, and more
START_SECONDS = 30.0


async def instance_restart(scene: Scene) -> None:
    """End the first instance; whoever supervises it starts it again."""
    await restart(scene.stack, (await scene.stack.names())[0])


async def instances_rolled(scene: Scene) -> None:
    """End each instance in turn, the next one as soon as the last one is ready again."""
    for name in await scene.stack.names():
        await restart(scene.stack, name)


async def reload_gunicorn(scene: Scene) -> None:
    """Have the first instance's gunicorn replace its worker."""
    name = (await scene.stack.names())[0]
    worker = await the_worker(scene.stack, name)
    waiting.tell(await running(scene.stack, name), signal.SIGHUP)
    await replaced(scene.stack, name, worker, END_SECONDS)


async def restart(stack: Stack, name: str) -> None:
    """End one instance and wait until it is back."""
    old = await running(stack, name)

    async def another() -> bool:
        return await stack.pid(name) not in {None, old}

    waiting.tell(old, signal.SIGTERM)
    await waiting.until(another, END_SECONDS, f"another process of {name}")
    await until_ready(stack, name, START_SECONDS)


async def running(stack: Stack, name: str) -> int:
    """Give the process of this name; raises StackError when it does not run right now."""
    pid = await stack.pid(name)
    if pid is None:
        raise StackError(f"{name} does not run")
    return pid
