"""A project of somebody else that runs on Compose, and what people do there while it is rolled."""

import asyncio
import json
import shutil
import subprocess
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AsyncExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol

from websockets.asyncio.client import ClientConnection, connect, unix_connect

from deploy.effects.client.address import Address
from deploy.effects.client.http_client import HttpClient, Reply
from deploy.model.config import load
from deploy.stacks.compose.project import Project
from deploy.stacks.compose.stack import ComposeStack
from deploy.text.compose import words
from tests.deploy.operations.rollout.releases import change
from tests.deploy.stacks.compose.stack import RunningCompose
from tests.ends import codes, ends_of
from tests.waiting import PATIENCE

SECONDS = 30  # a bound for a message, on a busy machine
SMALL = 100_000  # bytes of a body that another parley.toml allows
TOO_LARGE = 413


class Site(Protocol):
    """A running project, on whatever stack."""

    @property
    def address(self) -> Address:
        """Where people find it."""

    @property
    def page(self) -> str:
        """What they load while it is rolled."""

    @property
    def sockets(self) -> tuple[str, ...]:
        """What they have open meanwhile."""

    @property
    def each(self) -> int:
        """How often, each of them."""

    def parley(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run a command on it."""


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
    def address(self) -> Address:
        """Where people find it."""
        return self.compose.address

    @property
    def instances(self) -> list[Address]:
        """Each replica by itself, past nginx."""
        return [self.compose.address.bound(f"{_ip(one)}:8000") for one in self.compose.containers("web")]

    @property
    def beside(self) -> list[str]:
        """The services of its processes and its schedule."""
        return [one.service for one in words.processes(load(env="compose", project=self.folder))]

    @property
    def releases(self) -> list[str]:
        """What each replica was started from."""
        return [instance.release for instance in self.stack.instances()]

    def parley(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run a command on it."""
        return self.compose.parley(*arguments, "--stack", "compose", "--project", str(self.folder))

    def manage(self, *arguments: str, given: str = "") -> str:
        """Run a command of its manage.py with an input, and give what it wrote."""
        words = ("manage", "--stack", "compose", "--project", str(self.folder), *arguments)
        done = self.compose.parley(*words, given=given)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def psql(self, words: str) -> str:
        """Ask its database."""
        return self.compose.compose("exec", "--no-TTY", "postgres", "psql", "-U", "parley", "-qtAc", words)

    def with_sockets(self, *paths: str, each: int = 8) -> "Served":
        """Return it with people who have these open."""
        return replace(self, sockets=paths, each=each)

    @contextmanager
    def other_toml(self, change_text: Callable[[str], str]) -> Iterator[None]:
        """Have another parley.toml, and what is rendered of it."""
        file = self.folder / "parley.toml"
        before = file.read_text()
        try:
            file.write_text(change_text(before))
            self._render()
            yield
        finally:
            file.write_text(before)
            self._render()

    def _render(self) -> None:
        done = self.compose.parley("render", "compose", "--project", str(self.folder))
        assert done.returncode == 0, done.stderr

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
    if address.path:
        return unix_connect(str(address.path), f"{scheme}://{address.host}{path}", **settings)
    return connect(f"{scheme}://{address.host}{path}", ssl=address.tls, proxy=None, **settings)


async def heard(connection: ClientConnection) -> dict[str, str]:
    """Return the next message."""
    async with asyncio.timeout(SECONDS):
        message: dict[str, str] = json.loads(await connection.recv())
    return message


async def posted(served: Site, path: str, body: bytes, **headers: str) -> Reply:
    """Send what is no form, through the edge."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return await asyncio.to_thread(HttpClient(served.address)._request, "POST", path, body, named)


async def rolled_with_another_limit(served: Served, release: Path) -> None:
    """Roll a release out together with a file of nginx that is new: who sends more than SMALL is told so."""
    large = b"x" * (SMALL + 1)
    assert (await posted(served, served.page, large)).status != TOO_LARGE
    with served.other_toml(lambda text: text.replace("[project]\n", f"[project]\nbody_bytes = {SMALL}\n")):
        await rolled(served, "rollout", str(release))
        async with asyncio.timeout(PATIENCE):  # nginx starts its new workers when it has answered
            while (await posted(served, served.page, large)).status != TOO_LARGE:  # noqa: ASYNC110
                await asyncio.sleep(0.1)


async def refused(served: Served, release: Path, why: str) -> None:
    """Try a release that does not work: it is refused with the reason, and who serves is who served."""
    before = served.releases
    done = await asyncio.to_thread(served.parley, "rollout", str(release))
    assert done.returncode == 1, done.stdout + done.stderr
    assert why in done.stderr, done.stderr
    assert served.releases == before
    assert len(served.compose.containers("web", stopped=True)) == len(before), "nothing of it is left"


def restored(served: Served, model: str, *changes: str) -> str:
    """Back up, change the database with SQL, restore: the model's rows are as they were. Returns what was said."""
    before = served.manage("dumpdata", model)
    assert json.loads(before)
    created = served.parley("backup", "create")
    assert created.returncode == 0, created.stderr
    assert ": whole: " in served.parley("backup", "verify").stdout
    name = served.parley("backup", "list").stdout.partition(":")[0]
    code = f"from django.db import connection\nfor sql in {changes!r}:\n    connection.cursor().execute(sql)"
    served.manage("shell", "-c", code)
    assert served.manage("dumpdata", model) != before
    early = served.parley("backup", "restore", name)
    assert (early.returncode, early.stderr.count("\n")) == (2, 1)
    assert "stop them before a restore" in early.stderr
    served.compose.compose("stop", "edge", "web", "cleanup", *served.beside)
    try:
        done = served.parley("backup", "restore", name)
        assert done.returncode == 0, done.stderr
    finally:
        served.compose.compose("up", "--detach", "--wait")
    assert served.manage("dumpdata", model) == before
    return done.stdout


async def rolled(served: Site, *words: str) -> None:
    """Do it while sockets are open and pages are loaded; each socket is closed with 1012, no page fails."""
    pages: Counter[int] = Counter()
    over = threading.Event()

    async def visit() -> None:
        while not over.is_set():
            pages[(await HttpClient(served.address).get(served.page)).status] += 1

    async with AsyncExitStack() as stay:
        paths = [path for path in served.sockets for _ in range(served.each)]
        opened = [await stay.enter_async_context(socket(served.address, path)) for path in paths]
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
    assert "; it answers" in done.stdout
