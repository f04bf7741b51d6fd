"""Faults of whole instances: ended gracefully, rolled, reloaded."""

import signal

from deploy.drill import processes
from deploy.drill.faults.scene import Scene
from deploy.drill.faults.worker import replaced, the_worker
from deploy.drill.stack import Stack, until_ready
from deploy.errors import StackError

END_SECONDS = 40.0  # the whole shutdown chain, and more
START_SECONDS = 30.0


async def instance_restart(scene: Scene) -> None:
    """End the first instance; `up` starts it again."""
    await restart(scene.stack, scene.stack.names()[0])


async def instances_rolled(scene: Scene) -> None:
    """End each instance in turn, the next one as soon as the last one is ready again."""
    for name in scene.stack.names():
        await restart(scene.stack, name)


async def reload_gunicorn(scene: Scene) -> None:
    """Have the first instance's gunicorn replace its worker."""
    name = scene.stack.names()[0]
    worker = the_worker(scene.stack, name)
    processes.tell(running(scene.stack, name), signal.SIGHUP)
    await replaced(scene.stack, name, worker, END_SECONDS)


async def restart(stack: Stack, name: str) -> None:
    """End one instance and wait until it is back."""
    old = running(stack, name)
    processes.tell(old, signal.SIGTERM)
    await processes.until(lambda: stack.pid(name) not in {None, old}, END_SECONDS, f"another process of {name}")
    await until_ready(stack, name, START_SECONDS)


def running(stack: Stack, name: str) -> int:
    """Give the process of this name; raises StackError when it does not run right now."""
    pid = stack.pid(name)
    if pid is None:
        raise StackError(f"{name} does not run")
    return pid
