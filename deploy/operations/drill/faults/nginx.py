"""A reload of nginx: the instances move the old workers' sockets, before worker_shutdown_timeout cuts them."""

import signal

from deploy.effects import procfs
from deploy.errors import StackError
from deploy.operations.drill import waiting
from deploy.operations.drill.faults.fault import Scene
from deploy.operations.drill.faults.instance import running

WORKER = "nginx: worker process"
NEW_SECONDS = 10.0
OLD_SECONDS = 60.0  # worker_shutdown_timeout, and more


async def reload_nginx(scene: Scene) -> None:
    """Reload, and wait until new workers are there and the old ones, with their sockets, are gone."""
    master = await running(scene.stack, "nginx")
    old = workers(master)
    if not old:
        raise StackError("nginx has no worker")
    waiting.tell(master, signal.SIGHUP)
    await waiting.until(lambda: bool(workers(master) - old), NEW_SECONDS, "a new worker of nginx")
    await waiting.until(lambda: not workers(master) & old, OLD_SECONDS, "the end of nginx's old workers")


def workers(master: int) -> frozenset[int]:
    """Give nginx's workers, those that are shutting down too; under Compose the loop of edge.sh is a child as well."""
    return frozenset(pid for pid in procfs.children(master) if procfs.title(pid).startswith(WORKER))
