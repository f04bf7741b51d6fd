"""What a drill needs to know of a running stack; the local one tells it in run/state.json."""

import asyncio
from contextlib import suppress
from pathlib import Path
from typing import Any, Protocol

from deploy.drill.address import Address
from deploy.drill.visitor import Visitor
from deploy.stacks.local import state
from deploy.stacks.local.layout import Layout


class Stack(Protocol):
    """A stack that faults can be done to. Every answer is as of now: a process that died has another pid."""

    @property
    def address(self) -> Address:
        """The site, through nginx."""

    @property
    def database(self) -> Path:
        """The SQLite file."""

    @property
    def redis_socket(self) -> Path | None:
        """Where Redis listens; None without Redis."""

    def names(self) -> tuple[str, ...]:
        """Name the instances."""

    def pid(self, name: str) -> int | None:
        """Give the process of `nginx`, `redis` or an instance (gunicorn's master); None while there is none."""

    async def ready(self, name: str) -> bool:
        """Tell whether this instance answers /readyz with 200, past nginx."""


class LocalStack:
    """The stack that `./parley up` runs in a folder; raises BadInputError where none runs."""

    def __init__(self, directory: Path | None = None) -> None:
        self.layout = Layout.at(directory)
        self.address = Address.at(self._state()["url"])
        self.database = self.layout.database

    @property
    def redis_socket(self) -> Path | None:
        """Where Redis listens; None without Redis."""
        path = self._state()["redis_socket"]
        return Path(path) if path else None

    def names(self) -> tuple[str, ...]:
        """Name the instances, in their order."""
        return tuple(instance["name"] for instance in self._state()["instances"])

    def pid(self, name: str) -> int | None:
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
        """Tell whether this instance answers /readyz with 200, past nginx."""
        with suppress(OSError):
            return (await Visitor(self.instance(name), timeout=1.0).get("/readyz")).status == 200
        return False

    def _state(self) -> dict[str, Any]:
        return state.read(self.layout)


async def until_ready(stack: Stack, name: str, seconds: float) -> None:
    """Wait until an instance is ready; raises TimeoutError."""
    async with asyncio.timeout(seconds):
        while not await stack.ready(name):  # noqa: ASYNC110 (nothing to await)
            await asyncio.sleep(0.1)
