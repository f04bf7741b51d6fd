"""Redis by its sentinels and PostgreSQL by its URL: a failover under people who chat loses nothing."""

import signal
from pathlib import Path

import pytest
from redis import Redis

from deploy.operations.drill.faults.fault import Fault, Scene
from deploy.operations.drill.run import Workload, drill
from deploy.operations.drill.stack import LocalStack
from tests.postgres import named, running_cluster
from tests.running import changed_checkout, free_port, running_stack
from tests.sentinels import NAME, PASSWORD, SENTINEL_PASSWORD, Watched, until, watched_redis

pytestmark = [pytest.mark.drill, pytest.mark.timeout(300)]

WORKLOAD = Workload(clients=10, rate=4.0)


def outside(ports: tuple[int, ...], postgres: Path) -> tuple[tuple[str, str, str], ...]:
    """Change parley.toml: the first sentinel of the list is one that is down."""
    hosts = ", ".join(f'"127.0.0.1:{port}"' for port in (free_port(), *ports))
    return (
        named(postgres),
        ("parley.toml", "sentinels = []", f"sentinels = [{hosts}]"),
        ("parley.toml", 'sentinel_name = ""', f'sentinel_name = "{NAME}"'),
        ("parley.toml", '\npassword = ""', f'\npassword = "{PASSWORD}"'),
        ("parley.toml", 'sentinel_password = ""', f'sentinel_password = "{SENTINEL_PASSWORD}"'),
    )


def failover(watched: Watched, blow: signal.Signals) -> Fault:
    """Strike the master, and wait until the sentinels have made the replica the master."""

    async def strike(_: Scene) -> None:
        old = watched.master()
        watched.redis[old].send_signal(blow)
        await watched.until_master_is_not(old)

    return Fault("redis-failover", "The master dies; the sentinels name another.", strike)


@pytest.mark.parametrize("blow", [signal.SIGKILL, signal.SIGSTOP], ids=["killed", "frozen"])
async def test_a_failover_loses_nothing(tmp_path: Path, blow: signal.Signals) -> None:
    """The poll carries the chat while nobody is master; then both instances' layer is well again."""
    with watched_redis(tmp_path) as watched, running_cluster() as postgres:
        root = changed_checkout(tmp_path / "checkout", *outside(watched.sentinels, postgres))
        with running_stack(tmp_path / "stack", root=root) as stack:
            assert stack.state["redis_pid"] is None, "up started a Redis of its own"
            assert not (stack.directory / "parley.sqlite3").exists()
            for number in range(2):
                await stack.until_measured(number, layer_well=1)
            old = watched.master()
            verdict = await drill(LocalStack(stack.directory), failover(watched, blow), WORKLOAD)
            assert verdict.passed, str(verdict)
            await stack.line("channel layer is unwell")
            # A frozen one keeps its connections open, and the poll carries on until it wakes: then the sentinels make
            # it a replica, which ends them.
            watched.redis[old].send_signal(signal.SIGCONT)
            for number in range(2):
                await stack.until_measured(number, layer_well=1)
            assert watched.master() != old
            until(lambda: subscribers(watched) == 2 + len(watched.sentinels))


def subscribers(watched: Watched) -> int:
    """Return how many wait for messages of the new master: instances, and the sentinels themselves."""
    with Redis(port=watched.master(), password=PASSWORD, socket_timeout=10) as master:
        return len(master.client_list(_type="pubsub"))
