"""What a drill needs to know of a running stack, and do to it beyond signals."""

import asyncio
from contextlib import suppress
from pathlib import Path
from typing import Any, Protocol

from deploy.effects.client.address import Address
from deploy.effects.client.http_client import HttpClient
from deploy.errors import StackError
from deploy.model.config import Config
from deploy.model.health import READY
from deploy.stacks import stack as stacks
from deploy.stacks.installed import AnyName, installed, require_own
from deploy.stacks.local import state
from deploy.stacks.local.layout import Layout
from deploy.stacks.local.opened import opened


class Stack(Protocol):
    """A stack that faults can be done to. Every answer is as of now: a process that died has another pid."""

    @property
    def address(self) -> Address:
        """The site, through nginx."""

    @property
    def database(self) -> Path | None:
        """The SQLite file, where the database is one."""

    @property
    def redis_socket(self) -> Path | None:
        """Where Redis listens, where that is a socket of this machine."""

    async def names(self) -> tuple[str, ...]:
        """Name the instances, in their order."""

    async def pid(self, name: str) -> int | None:
        """Give the process of `nginx`, `redis` or an instance (gunicorn's master); None while there is none."""

    async def ready(self, name: str) -> bool:
        """Tell whether this instance says that it is ready, past nginx."""


class LocalStack:
    """The stack that `./parley up` runs in a folder, as run/state.json tells; raises BadInputError where none runs."""

    def __init__(self, directory: Path | None = None) -> None:
        self.layout = Layout.at(directory)
        self.address = state.address(self._state())
        self.database = self.layout.database

    @property
    def redis_socket(self) -> Path | None:
        """Where Redis listens; None without Redis."""
        path = self._state()["redis_socket"]
        return Path(path) if path else None

    async def names(self) -> tuple[str, ...]:
        """Name the instances, in their order."""
        return tuple(instance["name"] for instance in self._state()["instances"])

    async def pid(self, name: str) -> int | None:
        """Give the process of `nginx`, `redis` or an instance; None while it starts again."""
        now = self._state()
        pids = {instance["name"]: instance["pid"] for instance in now["instances"]}
        pid: int | None = {**pids, "nginx": now["nginx_pid"], "redis": now["redis_pid"]}[name]
        return pid

    def instance(self, name: str) -> Address:
        """Give the address of one instance, past nginx."""
        sockets = {instance["name"]: instance["socket"] for instance in self._state()["instances"]}
        return self.address.instance(Path(sockets[name]))

    async def ready(self, name: str) -> bool:
        """Tell whether this instance says that it is ready, past nginx."""
        with suppress(OSError):
            return (await HttpClient(self.instance(name), timeout=3.0).get(READY)).status == 200
        return False

    def _state(self) -> dict[str, Any]:
        return state.read(self.layout)


class InstalledStack:
    """A stack of compose or systemd; what is asked of it may take a command, so it is asked beside the loop."""

    database = None
    redis_socket = None

    def __init__(self, stack: stacks.Stack) -> None:
        self.stack = stack
        self.address = stack.address

    async def names(self) -> tuple[str, ...]:
        """Name the instances, in their order."""
        return tuple(instance.name for instance in await asyncio.to_thread(self.stack.instances))

    async def pid(self, name: str) -> int | None:
        """Give the process of `nginx`, `redis` or an instance."""
        return await asyncio.to_thread(self.stack.pid, name)

    async def ready(self, name: str) -> bool:
        """Tell whether this instance says that it is ready."""
        with suppress(StackError):
            return await asyncio.to_thread(self._ready, name)
        return False

    def _ready(self, name: str) -> bool:
        return any(self.stack.ready(instance) for instance in self.stack.instances() if instance.name == name)


def chosen(name: AnyName, directory: Path | None, env: str | None, project: Path | None = None) -> tuple[Config, Stack]:
    """Open the stack that a command line means, and what it runs with; raises BadInputError where there is none."""
    require_own(name, directory, env)
    if name == "local":
        config, layout = opened(project, directory)
        return config, LocalStack(layout.dir)
    stack = installed(name, env, project)
    return stack.config, InstalledStack(stack)


async def until_ready(stack: Stack, name: str, seconds: float) -> None:
    """Wait until an instance is ready; raises TimeoutError."""
    async with asyncio.timeout(seconds):
        while not await stack.ready(name):  # noqa: ASYNC110 (nothing to await)
            await asyncio.sleep(0.1)
