"""Projects from `adopt` to `up`, as docs/your-project.md says it: no line of them is changed, nor of parley.toml."""

import asyncio
import http.client
import json
import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import pytest
from websockets.asyncio.client import ClientConnection, connect, unix_connect

from deploy.effects.client.address import Address
from deploy.effects.client.http_client import HttpClient
from tests.browser import project_pages
from tests.checkout import ROOT
from tests.docs.pages import commands
from tests.ends import codes, ends_of
from tests.foreign import PROJECTS, digest, parley
from tests.running import RunningStack, running_stack

pytestmark = [pytest.mark.stack, pytest.mark.timeout(900)]  # `adopt` installs the packages of a project

INSTALL_SECONDS = 240  # within a test's own time
SECONDS = 10  # a bound for a message, on a busy machine
RESTART = 1012
STEPS = commands(ROOT / "docs" / "your-project.md", "Quick start")


@contextmanager
def walked(name: str, folder: Path, packages: Path | None = None) -> Iterator[tuple[RunningStack, Path]]:
    """Do what the page says, with a copy of a project; the last step runs until the block ends."""
    project, state = folder / "project", folder / "state"
    shutil.copytree(PROJECTS / name, project, ignore=shutil.ignore_patterns("__pycache__", "*.sqlite3"))
    state.mkdir()
    if packages is not None:
        (state / "python").symlink_to(packages)
    bare = digest(project)
    env = os.environ | {"PYTHONPATH": str(ROOT)}
    *steps, last = [shlex.split(line.replace("../mysite", str(project)))[1:] for line in STEPS]
    for words in steps:
        command = [sys.executable, "-P", "-m", "deploy", *words, "--dir", str(state)]
        done = subprocess.run(
            command, env=env, capture_output=True, text=True, timeout=INSTALL_SECONDS, check=False, cwd=ROOT
        )
        assert done.returncode == 0, done.stdout + done.stderr
    written = digest(project)
    assert last == ["up", "--project", str(project)]
    with running_stack(state, *last[1:]) as running:
        yield running, project
    assert digest(project) == written
    (project / "parley.toml").unlink()
    assert digest(project) == bare


@asynccontextmanager
async def opened(address: Address, path: str) -> AsyncIterator[ClientConnection]:
    """Open a socket as a page of the site does."""
    settings: dict[str, Any] = {"origin": address.origin, "additional_headers": address.forwarded, "open_timeout": 30}
    if address.path is not None:
        async with unix_connect(str(address.path), f"ws://{address.host}{path}", **settings) as socket:
            yield socket
    else:
        async with connect(f"wss://{address.host}{path}", ssl=address.tls, proxy=None, **settings) as socket:
            yield socket


async def heard(socket: ClientConnection) -> dict[str, str]:
    """Return the next message."""
    async with asyncio.timeout(SECONDS):
        message: dict[str, str] = json.loads(await socket.recv())
    return message


async def drained(running: RunningStack, project: Path, sockets: list[ClientConnection]) -> dict[int, int]:
    """Drain the first instance, and return how its sockets ended."""
    options = ("--project", str(project), "--dir", str(running.directory))
    ends = asyncio.create_task(ends_of(sockets))
    done = await asyncio.to_thread(parley, "drain", "web-1", *options)
    assert done.returncode == 0, done.stdout + done.stderr
    return codes(await ends)


async def test_the_tutorial(tmp_path: Path, tutorial_packages: Path) -> None:
    """Its page, and two sockets that hear each other from two instances."""
    path = "/ws/chat/lobby/"
    with walked("tutorial", tmp_path, tutorial_packages) as (running, project):
        assert (await HttpClient(running.address).get("/chat/lobby/")).status == 200
        async with opened(running.pinned(0), path) as one, opened(running.pinned(1), path) as other:
            await one.send(json.dumps({"message": "to all"}))
            assert [await heard(one), await heard(other)] == [{"message": "to all"}] * 2
            assert await drained(running, project, [one]) == {RESTART: 1}


@pytest.mark.browser
@pytest.mark.release  # it installs packages of its own: over a minute
async def test_tokens(tmp_path: Path) -> None:
    """Sockets under the prefix of its pages and under another one, with old packages and its production settings."""
    with walked("token", tmp_path) as (running, project):
        client = HttpClient(running.address)
        assert (await client.get("/rooms/lobby/")).status == 200
        made = await asyncio.to_thread(client._request, "POST", "/api/token/", b'{"name": "a"}', {})
        token = made.json()["token"]
        path = f"/rooms/lobby/live/?token={token}"
        async with (
            opened(running.pinned(0), path) as one,
            opened(running.pinned(1), path) as other,
            opened(running.address, f"/socket/notices/?token={token}") as notices,
        ):
            await one.send(json.dumps({"body": "to all"}))
            message = {"room": "lobby", "author": "a", "body": "to all"}
            assert [await heard(one), await heard(other)] == [message] * 2
            assert await heard(notices) == {"room": "lobby"}
            assert await drained(running, project, [one]) == {RESTART: 1}
        is_ready = "typeof socket === 'object' && socket.readyState === WebSocket.OPEN"
        async with project_pages.opened(f"{running.url}/rooms/lobby/", 2, is_ready=is_ready) as pages:
            await project_pages.hear_each_other(pages, "#posts")
        await drilled(running, project)


@pytest.mark.browser
@pytest.mark.release  # the same
async def test_plain_django(tmp_path: Path) -> None:
    """Its events come one by one through nginx, in Chromium too."""
    with walked("plain", tmp_path) as (running, project):
        assert (await HttpClient(running.address).get("/")).status == 200
        assert await asyncio.to_thread(ticks, running.address) == [b'data: {"tick": 1}\n', b'data: {"tick": 2}\n']
        is_ready = "Number(document.getElementById('tick').textContent) > 1"
        async with project_pages.opened(f"{running.url}/", is_ready=is_ready):
            pass
        await drilled(running, project)


async def drilled(running: RunningStack, project: Path) -> None:
    """Under each of these faults no page fails."""
    options = ("--project", str(project), "--dir", str(running.directory))
    for fault in ("worker-kill", "nginx-reload"):
        done = await asyncio.to_thread(parley, "drill", "run", fault, "--json", *options)
        assert done.returncode == 0, done.stdout + done.stderr
        verdict = json.loads(done.stdout)
        assert (verdict["outcome"], verdict["counts"]) == ("passed", {}), fault
        assert set(verdict["statuses"]) == {"200"}


def ticks(address: Address) -> list[bytes]:
    """Read the first two events while the answer goes on."""
    connection = http.client.HTTPConnection(address.host, timeout=SECONDS)
    connection.sock = address.dial(SECONDS)
    try:
        connection.request("GET", "/events/", headers=address.forwarded)
        answer = connection.getresponse()
        lines = (answer.readline() for _ in range(4))
        return [line for line in lines if line.strip()][:2]
    finally:
        connection.close()
