"""What a rollout leaves behind in Compose; that nobody loses anything by it is tests/rollout's."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.drill.visitor import Visitor
from deploy.errors import StackError
from deploy.release import release as release_of
from deploy.rollout import roll
from tests.compose.stack import RunningCompose, command, running_compose
from tests.rollout.judged import statuses, style
from tests.rollout.releases import STYLE, release

pytestmark = [pytest.mark.docker, pytest.mark.timeout(600)]

NGINX = ("nginx/server.conf.j2", "server_tokens off;", 'server_tokens off;\n    add_header X-Changed "yes" always;')
ENDS = ("app/gunicorn.conf.py", "max_requests = 0", "def on_starting(server):\n    raise SystemExit(1)\n")


@pytest.fixture(scope="module")
def compose(engine: None) -> Iterator[RunningCompose]:
    """A stack of its own: what other files' tests take as given is not what serves here."""
    with running_compose(1) as running:
        yield running


def quiet(_: str) -> None:
    """Nobody reads the steps."""


async def test_what_stays_and_what_goes(compose: RunningCompose, tmp_path: Path) -> None:
    """Three releases: files and images of the last two, nginx's newest files without a restart, nothing left to do."""
    first, first_style = release_of(), await style(compose.address)
    edge = compose.containers("edge")[0]["State"]["StartedAt"]
    second, third = release(tmp_path / "second", STYLE), release(tmp_path / "third", STYLE, NGINX)

    await asyncio.to_thread(roll.rollout, compose.stack, str(second), quiet)
    second_style = await style(compose.address)
    assert second_style != first_style
    assert await statuses(compose.address, first_style, second_style) == [200, 200]

    containers = {one["Id"] for one in compose.containers()}
    await asyncio.to_thread(compose.compose, "up", "--detach", "--wait")
    assert {one["Id"] for one in compose.containers()} == containers, "`up` finds what the rollout left as it should be"

    await asyncio.to_thread(roll.rollout, compose.stack, str(third), quiet)
    async with asyncio.timeout(10):  # nginx starts its new workers when it has answered
        while (await Visitor(compose.address).get("/healthz")).headers.get("x-changed") != "yes":  # noqa: ASYNC110
            await asyncio.sleep(0.1)
    assert await statuses(compose.address, first_style, second_style) == [404, 200]
    assert compose.containers("edge")[0]["State"]["StartedAt"] == edge
    listed = command("docker", "image", "ls", "--format={{.Tag}}", compose.name).split()
    assert sorted(listed) == sorted([release_of(second), release_of(third), "current"])
    assert not compose.stack.staged(first)
    one_shots = {one["Image"] for name in ("setup", "migrate") for one in compose.containers(name, stopped=True)}
    assert one_shots == {one["Image"] for one in compose.containers("web")}


def test_one_that_ends_when_it_starts_is_given_up_with_its_last_lines(compose: RunningCompose, tmp_path: Path) -> None:
    """At once, and not after the time that a slow one has; nothing of it is left."""
    before = {one["Id"] for one in compose.containers("web", stopped=True)}
    with pytest.raises(StackError, match=r"ended, exit status \d+:\n"):
        roll.rollout(compose.stack, str(release(tmp_path / "ends", ENDS)), quiet)
    assert {one["Id"] for one in compose.containers("web", stopped=True)} == before


def test_what_a_killed_rollout_left_is_no_instance(compose: RunningCompose) -> None:
    """A replica that nginx was never told of is not rolled, and the next rollout removes it."""
    (old,) = compose.stack.instances()
    new = compose.stack.replace(old, old.release)
    assert [instance.name for instance in compose.stack.instances()] == [old.name]
    compose.stack.put_back(old, None)
    assert new.name not in {one["Name"].removeprefix("/") for one in compose.containers("web", stopped=True)}
