"""Two clones on one host: a name that another clone has is refused, and with two names there are two sites."""

import asyncio
import json
import os
import re
import subprocess
from collections.abc import Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from deploy.effects.client.address import Address
from deploy.effects.client.http_client import guest
from deploy.effects.client.websocket_client import connect
from deploy.model.release import release as release_of
from deploy.stacks.compose.checkout import ADVICE
from tests.checkout import ROOT
from tests.deploy.operations.rollout.releases import STYLE, change, release
from tests.deploy.stacks.compose.owned import short_name
from tests.deploy.stacks.compose.stack import FILE, command
from tests.running import free_port

pytestmark = [pytest.mark.docker, pytest.mark.own_stack, pytest.mark.timeout(600)]

PYTHON = str(ROOT / ".venv/bin/python")
PROGRESS = re.compile(r"^ (Network|Volume|Container|Service) |^$")  # what Compose writes beside its errors
OTHER = ("app/chat/limits.py", '"""', '"""Another site. ')


@dataclass(frozen=True)
class Clone:
    """A checkout with a .env of its own, as somebody has it who has read nothing else."""

    folder: Path
    port: int

    def configured(self, name: str) -> str:
        """Write .env, and give the name."""
        lines = {"PARLEY_NAME": name, "PARLEY_PORT": self.port, "PARLEY_HTTP_PORT": free_port(), "PARLEY_REPLICAS": 1}
        (self.folder / ".env").write_text("".join(f"{key}={value}\n" for key, value in lines.items()))
        return name

    @property
    def address(self) -> Address:
        """The way through nginx."""
        return Address.at(f"https://localhost:{self.port}")

    @property
    def env(self) -> dict[str, str]:
        """What a shell in this folder has."""
        return {**os.environ, "PWD": str(self.folder), "PYTHONPATH": str(self.folder)}

    def compose(self, *words: str) -> str:
        """Run `docker compose` in it, which must succeed."""
        return command("docker", "compose", "-f", FILE, *words, env=self.env, root=self.folder)

    def refused(self, *words: str) -> tuple[int, list[str]]:
        """Run what must fail; give its status and its lines, without Compose's progress."""
        done = subprocess.run(words, cwd=self.folder, env=self.env, capture_output=True, text=True, check=False)
        assert done.returncode, f"{' '.join(words)} was not refused\n{done.stdout}{done.stderr}"
        return done.returncode, [line for line in done.stderr.splitlines() if not PROGRESS.match(line)]

    def rollout(self) -> None:
        """Roll out what is in the folder now."""
        command(PYTHON, "-P", "-m", "deploy", "rollout", "--stack", "compose", env=self.env, root=self.folder)


def everything(name: str) -> list[Any]:
    """Give what a site has on this engine: containers with their start, images, volumes, networks."""
    label = f"--filter=label=com.docker.compose.project={name}"
    ids = command("docker", "ps", "--all", "--quiet", label).split()
    containers = json.loads(command("docker", "inspect", *ids)) if ids else []
    return [
        sorted((one["Id"], one["Image"], one["State"]["StartedAt"], one["State"]["Status"]) for one in containers),
        sorted(command("docker", "image", "ls", "--format={{.Repository}}:{{.Tag}} {{.ID}}", name).splitlines()),
        sorted(command("docker", "volume", "ls", "--quiet", label).splitlines()),
        sorted(command("docker", "network", "ls", "--quiet", label).splitlines()),
    ]


@pytest.fixture(scope="module")
def clones(engine: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Clone, Clone, str, str]]:
    """Two of them with other ports and code, their two names; the first serves. Nothing is left behind."""
    folder = tmp_path_factory.mktemp("two")
    first, second = Clone(release(folder / "first"), free_port()), Clone(release(folder / "second", OTHER), free_port())
    names = first.configured(short_name()), short_name()
    second.configured(names[1])
    try:
        first.compose("up", "-d", "--wait")
        yield first, second, *names
    finally:
        for clone, name in zip((first, second), names, strict=True):
            clone.configured(name)
            clone.compose("down", "-v")
            images = command("docker", "image", "ls", "--format={{.Repository}}:{{.Tag}}", name).split()
            if images:
                command("docker", "image", "rm", "--force", *images)
    assert everything(names[0]) == everything(names[1]) == [[], [], [], []]


async def test_a_name_that_another_clone_has_is_refused(clones: tuple[Clone, Clone, str, str]) -> None:
    """By one line, before a container is touched: who is connected stays so, and the database is the first's."""
    first, second, name, other = clones
    second.configured(name)
    try:
        async with AsyncExitStack() as stay:
            socket = await stay.enter_async_context(connect(first.address, await guest(first.address, "first's")))
            await socket.join("lobby")
            sent = await socket.send_text("lobby", "before")
            before = everything(name)
            for words in (("up", "-d", "--wait"), ("run", "--rm", "migrate")):
                _, lines = await asyncio.to_thread(second.refused, "docker", "compose", "-f", FILE, *words)
                assert len(lines) == 1, lines
                assert lines[0].startswith(f"failed to create network {name} of {second.folder} - taken? {ADVICE}: ")
            for ours in (("rollout",), ("backup", "create")):
                deploy = (PYTHON, "-P", "-m", "deploy", *ours, "--stack", "compose")
                assert await asyncio.to_thread(second.refused, *deploy) == (
                    2,
                    [f"parley: the name {name} belongs to {first.folder}: {ADVICE}"],
                )
            assert f"{name} of {first.folder} - " in command("docker", "network", "ls", "--format={{.Name}}")
            assert everything(name) == before
            again = await socket.send_text("lobby", "after")
            assert again["seq"] == sent["seq"] + 1
    finally:
        second.configured(other)


async def test_two_names_are_two_sites(clones: tuple[Clone, Clone, str, str]) -> None:
    """With a database, an image and a life of its own each: a build, a rollout and the end of one leave the other."""
    first, second, name, other = clones
    before = everything(name)
    await asyncio.to_thread(second.compose, "build")
    await asyncio.to_thread(second.compose, "up", "-d", "--wait")
    async with AsyncExitStack() as stay:
        there = await stay.enter_async_context(connect(second.address, await guest(second.address, "second's")))
        assert (await there.welcome())["server"] == release_of(second.folder)
        await there.join("lobby")
        await there.send_text("lobby", "only here")
        here = await stay.enter_async_context(connect(first.address, await guest(first.address, "first's")))
        assert (await here.welcome())["server"] == release_of(first.folder) != release_of(second.folder)
        await here.join("lobby")
        texts = [entry.get("text") for entry in (await here.history("lobby", before=1_000_000))["entries"]]
        assert "only here" not in texts
        change(second.folder, STYLE)
        await asyncio.to_thread(second.rollout)
        assert everything(name) == before
        await asyncio.to_thread(second.compose, "down", "-v")
        assert everything(other)[0] == everything(other)[2] == everything(other)[3] == []
        assert everything(name) == before
        await here.send_text("lobby", "still here")


def test_a_checkout_that_moved_goes_on_where_it_was(clones: tuple[Clone, Clone, str, str], tmp_path: Path) -> None:
    """Told whose the name is, a checkout elsewhere has it too, without a container more or less."""
    first, _, name, _ = clones
    moved = Clone(release(tmp_path / "moved"), first.port)
    env = (first.folder / ".env").read_text()
    (moved.folder / ".env").write_text(f"{env}PARLEY_CHECKOUT={first.folder}\n")
    kept = {one for one, *_ in everything(name)[0] if "running" in _}
    moved.compose("up", "-d", "--wait")
    assert {one for one, *_ in everything(name)[0] if "running" in _} == kept
