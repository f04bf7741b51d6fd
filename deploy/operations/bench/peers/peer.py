"""What all peers have in common: two instances behind unix sockets, one Redis, and nginx with TLS where asked for."""

import asyncio
import os
import secrets
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from deploy.errors import StackError
from deploy.model import capacity
from deploy.model.config import Config, load
from deploy.model.hosts import origin
from deploy.model.release import release
from deploy.operations.bench.load.plan import Endpoint
from deploy.operations.bench.options import Options
from deploy.operations.bench.peers.postgres import Postgres
from deploy.stacks import ports
from deploy.stacks.local import application, binaries, limits, lock, plan, readiness, secret
from deploy.stacks.local.layout import DEFAULT, Layout
from deploy.stacks.local.plan import Plan
from deploy.stacks.local.supervised import Service
from deploy.stacks.local.supervisor import Supervisor
from deploy.stacks.local.up import make_files
from deploy.text import environment

INSTANCES = 2
READY_SECONDS = 60.0
LOCK_SECONDS = 20.0
LAST_LINES = 30
LOOPBACK = "127.0.0.1"
UNLIMITED = 1_000_000
PER_ADDRESS = ("sockets_per_address", "handshakes_per_second", "pages_per_address", "pages_per_second")


@dataclass(frozen=True)
class Running:
    """Where a peer answers, who may come in, and which processes it is made of, by group."""

    endpoints: list[Endpoint]
    host: str
    origin: str
    cookies: list[str]
    groups: dict[str, list[int]]


class Peer(ABC):
    """One peer in a folder of its own, started and stopped as often as there are rounds."""

    name: ClassVar[str]

    def __init__(self, folder: Path, options: Options, database: str = "sqlite") -> None:
        self.options = options
        self.database = database
        self.layout = Layout(folder / f"{self.name}-{database}")
        self.lines: deque[str] = deque(maxlen=LAST_LINES)
        self.cookies: list[str] = []
        self.ports: dict[str, int] = {}
        self.plan = self._plan()
        self.postgres = Postgres(folder / f"postgres-{self.name}", self.say)

    @classmethod
    def left_out(cls) -> str:
        """Say why this peer cannot run on this machine; empty where it can."""
        found = binaries.redis(Layout(DEFAULT))
        return found.reason if isinstance(found, binaries.NoRedis) else ""

    # To be given by each peer

    @abstractmethod
    async def prepare(self) -> None:
        """Do once what all rounds need, and fill `cookies`."""

    @abstractmethod
    def instance(self, name: str) -> Service:
        """Give one server process."""

    # Common

    @asynccontextmanager
    async def storage(self) -> AsyncIterator[tuple[int, dict[str, list[int]]]]:
        """Hold the folder, and run PostgreSQL where that is asked for.

        Gives the lock's descriptor, for what is started to inherit, and the process group.
        """
        with lock.held(self.layout, patience=LOCK_SECONDS) as inherit:
            if self.database == "sqlite":
                yield inherit, {}
                return
            async with self.postgres.running(self.name, inherit) as pid:
                yield inherit, {"database": [pid]}

    def make(self) -> None:
        """Make the folder, with key, certificate and nginx's configuration."""
        self.layout.make()
        secret.ensure(self.layout)
        make_files(self.plan)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Running]:
        """Run all processes until the block ends; raises StackError when one of them dies before."""
        async with self.storage() as (inherit, groups):
            supervisor = Supervisor(self.say, inherit)
            self.lines.clear()
            try:
                await self._start(supervisor)
                yield self._running(supervisor, groups)
                dead = [name for name, member in supervisor.members.items() if member.deaths]
                if dead:
                    raise StackError(f"{self.name}: {', '.join(dead)} died under load:\n{self.said}")
            finally:
                await supervisor.stop([["nginx", *self.plan.names], ["redis"]])
                self.layout.clear_run()

    def say(self, name: str, line: str) -> None:
        """Keep the last lines that the processes write: they are told when something goes wrong."""
        self.lines.append(f"{name} | {line}")

    @property
    def said(self) -> str:
        """The last lines."""
        return "\n".join(self.lines)

    def env(self, **more: str) -> dict[str, str]:
        """Give the caller's environment less what would change a server, and more."""
        return environment.clean(os.environ) | more

    def bind(self, name: str) -> str:
        """Write where an instance listens as gunicorn takes it."""
        return f"{LOOPBACK}:{self.ports[name]}" if self.options.by_port else f"unix:{self.plan.instance_socket(name)}"

    def no_sessions(self) -> list[str]:
        """Make cookies as long as Django's for a peer that has no sessions."""
        return [f"sessionid={secrets.token_hex(16)}" for _ in range(self.options.people)]

    def _plan(self) -> Plan:
        port, *free = ports.metrics(0, 2 * INSTANCES + 1)
        config = configuration(port, self.options)
        found = Plan(
            config=config,
            layout=self.layout,
            capacity=capacity.capacity(config, limits.raise_open_files()),
            nginx=binaries.nginx(),
            redis=binaries.redis(Layout(DEFAULT)),
            listen=(f"{LOOPBACK}:{port}",),
            metrics_ports=tuple(free[:INSTANCES]),
            release=release(),
            application=application.own(config),
        )
        self.ports = dict(zip(found.names, free[INSTANCES:], strict=True))
        return found

    async def _start(self, supervisor: Supervisor) -> None:
        found, basic = self.plan, self.env()
        supervisor.start(plan.redis_service(found, basic))
        await self._wait(supervisor, readiness.socket(self.redis_socket))
        for name in found.names:
            supervisor.start(self.instance(name))
        await self._wait(supervisor, _all(self._answers(name) for name in found.names))
        if self.options.nginx:
            supervisor.start(plan.nginx_service(found, basic))
            await self._wait(supervisor, _listening(found.config.site.port))

    async def _answers(self, name: str) -> None:
        """Return once an instance takes connections."""
        if self.options.by_port:
            await _listening(self.ports[name])
        else:
            await readiness.socket(self.plan.instance_socket(name))

    async def _wait(self, supervisor: Supervisor, condition: Any) -> None:
        try:
            async with asyncio.timeout(READY_SECONDS):
                await supervisor.ready(condition)
        except (TimeoutError, StackError) as error:
            raise StackError(f"{self.name} did not start: {error}\n{self.said}") from None

    @property
    def redis_socket(self) -> Path:
        """Where this peer's Redis listens."""
        path = self.plan.redis_socket
        assert path is not None  # noqa: S101 (a peer without Redis is left out)
        return path

    def _running(self, supervisor: Supervisor, groups: Mapping[str, list[int]]) -> Running:
        found, port = self.plan, self.plan.config.site.port
        pids = {name: [member.pid] for name, member in supervisor.members.items() if member.pid is not None}
        if self.options.nginx:
            endpoints = [Endpoint(port=port, tls=True)]
        elif self.options.by_port:
            endpoints = [Endpoint(port=self.ports[name]) for name in found.names]
        else:
            endpoints = [Endpoint(path=str(found.instance_socket(name))) for name in found.names]
        return Running(
            endpoints=endpoints,
            host=f"localhost:{port}",
            origin=origin("localhost", port),
            cookies=self.cookies,
            groups={
                "servers": [pid for name in found.names for pid in pids[name]],
                "redis": pids["redis"],
                **({"nginx": pids["nginx"]} if self.options.nginx else {}),
                **groups,
            },
        )


def configuration(port: int, options: Options) -> Config:
    """Read parley.toml with the limits out of the way: the bench is one address, and faster than people.

    Under attack the limits are what is measured: each client names an address of its own, as a balancer would.
    """
    if options.workload == "attack":
        return load(
            {
                "site": {"hosts": [], "port": port, "cookie_prefix": "", "trusted_proxies": [f"{LOOPBACK}/32"]},
                "app": {"instances": INSTANCES, "log_level": "warning"},
                "stop": {"drain_seconds": 0},
            }
        )
    return load(
        {
            "site": {"hosts": [], "port": port, "cookie_prefix": ""},
            "app": {
                "instances": INSTANCES,
                "frames_per_second": UNLIMITED,
                "burst": UNLIMITED,
                "sockets": max(4096, options.people),
                "sockets_per_user": 0,
                "log_level": "warning",
            },
            "stop": {"drain_seconds": 0},
            "nginx": dict.fromkeys(PER_ADDRESS, 0),
        }
    )


async def _all(waits: Any) -> None:
    await asyncio.gather(*waits)


async def _listening(port: int) -> None:
    """Return once something takes connections on a port of loopback."""
    while True:
        with suppress(OSError):
            _, writer = await asyncio.open_connection(LOOPBACK, port)
            writer.close()
            return
        await asyncio.sleep(readiness.PAUSE)
