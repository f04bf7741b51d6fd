"""A Redis, its replica and their sentinels, on free ports of this machine."""

import asyncio
import contextlib
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from redis import Redis, RedisError

from tests.programs import redis_server
from tests.running import free_port

NAME = "parley-chat"
PASSWORD = "of the master"
SENTINEL_PASSWORD = "of the sentinels"
DOWN_MS = 1000  # how long a Redis must be silent before a sentinel believes that it is gone
START_SECONDS = 20.0
FAILOVER_SECONDS = 60.0


@dataclass
class Watched:
    """The Redis servers by port, and the sentinels' ports."""

    redis: dict[int, subprocess.Popen[bytes]]
    sentinels: tuple[int, ...]

    def master(self) -> int:
        """Return the port of the Redis that the first sentinel names now."""
        return int(asked(self.sentinels[0], SENTINEL_PASSWORD, "SENTINEL GET-MASTER-ADDR-BY-NAME", NAME)[1])

    async def until_master_is_not(self, port: int) -> int:
        """Wait until the first sentinel names another Redis, and return its port."""
        async with asyncio.timeout(FAILOVER_SECONDS):
            while (now := self.master()) == port:  # noqa: ASYNC110 (nothing to await)
                await asyncio.sleep(0.1)
        return now


@contextlib.contextmanager
def watched_redis(folder: Path, *, sentinels: int = 3) -> Iterator[Watched]:
    """Run a master, a replica and sentinels that agree by majority, until the block ends."""
    master, replica, *ports = (free_port() for _ in range(2 + sentinels))
    login = ["--requirepass", PASSWORD, "--masterauth", PASSWORD]
    with contextlib.ExitStack() as stay:
        follow = ["--replicaof", "127.0.0.1", str(master)]
        redis = {
            master: stay.enter_context(server(folder, master, *login)),
            replica: stay.enter_context(server(folder, replica, *login, *follow)),
        }
        until(lambda: asked(replica, PASSWORD, "INFO", "replication")["master_link_status"] == "up")
        for port in ports:
            stay.enter_context(server(folder, port, sentinel_file(folder, port, master, sentinels), "--sentinel"))
        for port in ports:
            until(partial(knows_all, port, sentinels - 1))
        yield Watched(redis, tuple(ports))


def knows_all(port: int, others: int) -> bool:
    """Tell whether a sentinel has found the replica and the other sentinels."""
    told = asked(port, SENTINEL_PASSWORD, "SENTINEL MASTER", NAME)
    return (told["num-slaves"], told["num-other-sentinels"]) == (1, others)


def asked(port: int, password: str, *words: str) -> Any:
    """Send one command to a server."""
    with Redis(port=port, password=password, socket_timeout=10, decode_responses=True) as client:
        return client.execute_command(*words)


def until(told: Callable[[], bool]) -> None:
    """Wait until it is so."""
    end = time.monotonic() + START_SECONDS
    while time.monotonic() < end:
        with contextlib.suppress(RedisError):
            if told():
                return
        time.sleep(0.05)
    raise AssertionError("not so in time: the servers did not find each other")


@contextlib.contextmanager
def server(folder: Path, port: int, *options: str) -> Iterator[subprocess.Popen[bytes]]:
    """Run a redis-server until the block ends; a configuration file comes first."""
    own = folder / str(port)
    own.mkdir(parents=True, exist_ok=True)
    command = [str(redis_server()), *options, "--port", str(port), "--bind", "127.0.0.1"]
    command += ["--dir", str(own), "--save", ""]
    with (own / "log").open("wb") as log, subprocess.Popen(command, stdout=log, stderr=log) as process:
        try:
            yield process
        finally:
            process.kill()


def sentinel_file(folder: Path, port: int, master: int, sentinels: int) -> str:
    """Write a sentinel's file, which the sentinel rewrites, and return its path."""
    file = folder / f"{port}.conf"
    file.write_text(
        f"requirepass '{SENTINEL_PASSWORD}'\n"
        f"sentinel sentinel-pass '{SENTINEL_PASSWORD}'\n"
        f"sentinel monitor {NAME} 127.0.0.1 {master} {sentinels // 2 + 1}\n"
        f"sentinel auth-pass {NAME} '{PASSWORD}'\n"
        f"sentinel down-after-milliseconds {NAME} {DOWN_MS}\n"
        f"sentinel failover-timeout {NAME} 5000\n"
    )
    return str(file)
