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

from tests.authorities import Authority
from tests.programs import redis_server, redis_with_tls
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
    tls: Authority | None = None

    def master(self) -> int:
        """Return the port of the Redis that the first sentinel names now."""
        told = asked(self.sentinels[0], SENTINEL_PASSWORD, "SENTINEL GET-MASTER-ADDR-BY-NAME", NAME, tls=self.tls)
        return int(told[1])

    async def until_master_is_not(self, port: int) -> int:
        """Wait until the first sentinel names another Redis, and return its port."""
        async with asyncio.timeout(FAILOVER_SECONDS):
            while (now := self.master()) == port:  # noqa: ASYNC110 (nothing to await)
                await asyncio.sleep(0.1)
        return now


@contextlib.contextmanager
def watched_redis(
    folder: Path, *, sentinels: int = 3, users: tuple[str, str] = ("", ""), tls: Authority | None = None
) -> Iterator[Watched]:
    """Run a master, a replica and sentinels that agree by majority, until the block ends.

    `users` are lines of an ACL: for the Redis servers, and for the sentinels.
    """
    master, replica, *ports = (free_port() for _ in range(2 + sentinels))
    login = ["--requirepass", PASSWORD, "--masterauth", PASSWORD]
    login += [f"--{users[0]}"] if users[0] else []
    with contextlib.ExitStack() as stay:
        follow = ["--replicaof", "127.0.0.1", str(master)]
        redis = {
            master: stay.enter_context(server(folder, master, *login, tls=tls)),
            replica: stay.enter_context(server(folder, replica, *login, *follow, tls=tls)),
        }
        until(lambda: asked(replica, PASSWORD, "INFO", "replication", tls=tls)["master_link_status"] == "up")
        for port in ports:
            file = sentinel_file(folder, port, master, sentinels, users[1])
            stay.enter_context(server(folder, port, file, "--sentinel", tls=tls))
        for port in ports:
            until(partial(knows_all, port, sentinels - 1, tls))
        yield Watched(redis, tuple(ports), tls)


def knows_all(port: int, others: int, tls: Authority | None = None) -> bool:
    """Tell whether a sentinel has found the replica and the other sentinels."""
    told = asked(port, SENTINEL_PASSWORD, "SENTINEL MASTER", NAME, tls=tls)
    return (told["num-slaves"], told["num-other-sentinels"]) == (1, others)


def asked(port: int, password: str, *words: str, tls: Authority | None = None) -> Any:
    """Send one command to a server."""
    by: dict[str, Any] = {"ssl": True, "ssl_ca_certs": str(tls.ca_file)} if tls else {}
    with Redis("127.0.0.1", port, password=password, socket_timeout=10, decode_responses=True, **by) as client:
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
def server(
    folder: Path, port: int, *options: str, tls: Authority | None = None, program: Path | None = None
) -> Iterator[subprocess.Popen[bytes]]:
    """Run this machine's redis-server, or another, until the block ends; a configuration file comes first."""
    own = folder / str(port)
    own.mkdir(parents=True, exist_ok=True)
    program = program or (redis_with_tls() if tls else redis_server())
    listen = ["--port", "0", "--tls-port", str(port), *_by(tls)] if tls else ["--port", str(port)]
    command = [str(program), *options, *listen, "--bind", "127.0.0.1", "--dir", str(own), "--save", ""]
    with (own / "log").open("wb") as log, subprocess.Popen(command, stdout=log, stderr=log) as process:
        try:
            yield process
        finally:
            process.kill()


def _by(tls: Authority) -> list[str]:
    """Return the options that make a server speak TLS alone, to its replicas and sentinels too."""
    files = ["--tls-ca-cert-file", str(tls.ca_file), "--tls-cert-file", str(tls.certificate)]
    files += ["--tls-key-file", str(tls.key)]
    return [*files, "--tls-auth-clients", "no", "--tls-replication", "yes"]


def sentinel_file(folder: Path, port: int, master: int, sentinels: int, user: str = "") -> str:
    """Write a sentinel's file, which the sentinel rewrites, and return its path."""
    file = folder / f"{port}.conf"
    file.write_text(
        f"{user}\n"
        f"requirepass '{SENTINEL_PASSWORD}'\n"
        f"sentinel sentinel-pass '{SENTINEL_PASSWORD}'\n"
        f"sentinel monitor {NAME} 127.0.0.1 {master} {sentinels // 2 + 1}\n"
        f"sentinel auth-pass {NAME} '{PASSWORD}'\n"
        f"sentinel down-after-milliseconds {NAME} {DOWN_MS}\n"
        f"sentinel failover-timeout {NAME} 5000\n"
    )
    return str(file)
