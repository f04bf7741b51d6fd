"""A reload of nginx: the instances move the old workers' sockets, before worker_shutdown_timeout cuts them."""

import signal

from deploy.drill import processes
from deploy.drill.faults.instance import running
from deploy.drill.faults.scene import Scene
from deploy.errors import StackError

NEW_SECONDS = 10.0
OLD_SECONDS = 60.0  # worker_shutdown_timeout, and more


async def reload_nginx(scene: Scene) -> None:
    """Reload, and wait until new workers are there and the old ones, with their sockets, are gone."""
    master = await running(scene.stack, "nginx")
    old = processes.children(master)
    if not old:
        raise StackError("nginx has no worker")
    processes.tell(master, signal.SIGHUP)
    await processes.until(lambda: bool(processes.children(master) - old), NEW_SECONDS, "a new worker of nginx")
    await processes.until(lambda: not processes.children(master) & old, OLD_SECONDS, "the end of nginx's old workers")
