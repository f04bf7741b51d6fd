"""A project of somebody else that runs on Compose, and what people do there while it is rolled."""

import asyncio
import json
import shutil
import subprocess
import threading
from collections import Counter
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from websockets.asyncio.client import ClientConnection, connect

from deploy.effects.client.address import Address
from deploy.effects.client.http_client import HttpClient
from deploy.model.config import load
from deploy.stacks.compose.project import Project
from deploy.stacks.compose.stack import ComposeStack
from tests.deploy.operations.rollout.releases import change
from tests.deploy.stacks.compose.stack import RunningCompose
from tests.ends import codes, ends_of

SECONDS = 30  # a bound for a message, on a busy machine


@dataclass(frozen=True)
class Served:
    """A running project."""

    compose: RunningCompose
    folder: Path
    page: str  # that people load while it is rolled
    sockets: tuple[str, ...] = ()  # that they have open meanwhile
    each: int = 8  # of each path

    @property
    def stack(self) -> ComposeStack:
        """What a rollout acts on."""
        config = load(env="compose", project=self.folder)
        return ComposeStack(Project.here(self.compose.variables, self.compose.root), config)

    @property
    def instances(self) -> list[Address]:
        """Each replica by itself, past nginx."""
        return [self.compose.address.bound(f"{_ip(one)}:8000") for one in self.compose.containers("web")]

    @property
    def releases(self) -> list[str]:
        """What each replica was started from."""
        return [instance.release for instance in self.stack.instances()]

    def parley(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run a command on it."""
        return self.compose.parley(*arguments, "--stack", "compose", "--project", str(self.folder))

    def manage(self, *arguments: str) -> str:
        """Run a command of its manage.py, and give what it wrote."""
        done = self.compose.parley("manage", "--stack", "compose", "--project", str(self.folder), *arguments)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def psql(self, words: str) -> str:
        """Ask its database."""
        return self.compose.compose("exec", "--no-TTY", "postgres", "psql", "-U", "parley", "-qtAc", words)

    def with_sockets(self, *paths: str, each: int = 8) -> "Served":
        """Return it with people who have these open."""
        return replace(self, sockets=paths, each=each)

    def release(self, name: str, *changes: tuple[str, str, str]) -> Path:
        """Copy the project, changed."""
        folder = self.folder.parent / name
        shutil.copytree(self.folder, folder)
        change(folder, *changes)
        return folder


def _ip(container: dict[str, Any]) -> str:
    networks: dict[str, dict[str, str]] = container["NetworkSettings"]["Networks"]
    return next(one["IPAddress"] for one in networks.values())


def socket(address: Address, path: str) -> Any:
    """Open a socket as a page of the site does."""
    settings: dict[str, Any] = {"origin": address.origin, "additional_headers": address.forwarded, "open_timeout": 30}
    if address.via:
        settings["host"], settings["port"] = address.via
    scheme = "wss" if address.tls else "ws"
    return connect(f"{scheme}://{address.host}{path}", ssl=address.tls, proxy=None, **settings)


async def heard(connection: ClientConnection) -> dict[str, str]:
    """Return the next message."""
    async with asyncio.timeout(SECONDS):
        message: dict[str, str] = json.loads(await connection.recv())
    return message


async def rolled(served: Served, *words: str) -> None:
    """Do it while sockets are open and pages are loaded; each socket is closed with 1012, no page fails."""
    pages: Counter[int] = Counter()
    over = threading.Event()

    async def visit() -> None:
        while not over.is_set():
            pages[(await HttpClient(served.compose.address).get(served.page)).status] += 1

    async with AsyncExitStack() as stay:
        paths = [path for path in served.sockets for _ in range(served.each)]
        opened = [await stay.enter_async_context(socket(served.compose.address, path)) for path in paths]
        visits = asyncio.create_task(asyncio.to_thread(lambda: asyncio.run(visit())))
        ends = asyncio.create_task(ends_of(opened, timeout=600))
        try:
            done = await asyncio.to_thread(served.parley, *words)
        finally:
            over.set()
            await visits
        assert done.returncode == 0, done.stdout + done.stderr
        assert codes(await ends) == ({1012: len(opened)} if opened else {})
    assert set(pages) == {200}, pages
    assert "its handshakes are answered" in done.stdout
