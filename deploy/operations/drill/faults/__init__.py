"""The faults by name: each does one thing to a running stack, and heals it whatever happens."""

from deploy.operations.drill.faults.client import answers_lost, client_frozen, link_cut
from deploy.operations.drill.faults.database import database_locked
from deploy.operations.drill.faults.fault import Fault, Scene
from deploy.operations.drill.faults.instance import instance_restart, instances_rolled, reload_gunicorn
from deploy.operations.drill.faults.nginx import reload_nginx
from deploy.operations.drill.faults.redis import redis_flushed, redis_frozen, redis_killed
from deploy.operations.drill.faults.worker import worker_frozen, worker_killed

FAULTS = {
    fault.name: fault
    for fault in (
        Fault("none", "nothing happens: the workload alone", lambda _: _nothing()),
        Fault("worker-kill", "a worker is killed (SIGKILL)", worker_killed, kills=True),
        Fault(
            "worker-freeze",
            "a worker is stopped (SIGSTOP) until gunicorn's timeout kills it",
            worker_frozen,
            kills=True,
        ),
        Fault("instance-restart", "an instance ends (SIGTERM) and is started again", instance_restart, graceful=True),
        Fault("roll", "each instance is restarted in turn", instances_rolled, graceful=True, moves=True, seconds=600),
        Fault("gunicorn-reload", "an instance reloads its worker (SIGHUP)", reload_gunicorn, graceful=True),
        Fault("redis-kill", "Redis is down for 10 s (SIGKILL)", redis_killed, layer=True),
        Fault("redis-flush", "Redis forgets everything (FLUSHALL)", redis_flushed, layer=True),
        Fault("redis-freeze", "Redis is stopped for 10 s (SIGSTOP)", redis_frozen, layer=True),
        Fault(
            "nginx-reload", "nginx reloads, and its old workers end (SIGHUP)", reload_nginx, graceful=True, moves=True
        ),
        Fault(
            "database-lock",
            "another connection holds the database's write lock for 5 s",
            database_locked,
            messages=True,
        ),
        Fault("client-freeze", "a client stops for 10 s", client_frozen, messages=True),
        Fault("link-cut", "three clients' network is gone for 30 s, without a FIN", link_cut, proxied=3, messages=True),
        Fault(
            "answers-lost",
            "six clients' answers are lost for 4 s, then their links",
            answers_lost,
            proxied=6,
            messages=True,
        ),
    )
}


async def _nothing() -> None:
    """Do nothing."""


__all__ = ["FAULTS", "Fault", "Scene"]
