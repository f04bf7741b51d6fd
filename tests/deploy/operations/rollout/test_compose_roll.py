"""Rollouts of the Compose stack, on a real engine: people chat on, and a broken release serves nobody."""

import asyncio
import subprocess
import threading
from collections.abc import Iterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from deploy.effects.client.http_client import guest
from deploy.effects.client.websocket_client import connect
from deploy.errors import BadInputError, StackError
from deploy.model.release import release as release_of
from deploy.operations.rollout import steps
from tests.deploy.operations.rollout.judged import assert_refused, judged, served, statuses, style
from tests.deploy.operations.rollout.releases import BETTER, BROKEN, SAYS, STYLE, UNKNOWN, release
from tests.deploy.operations.runbooks.book import Book
from tests.deploy.stacks.compose.stack import RunningCompose, running_compose
from tests.sets import marked
from tests.waiting import until

pytestmark = [pytest.mark.docker, pytest.mark.own_stack, pytest.mark.timeout(900)]


@pytest.fixture(scope="module")
def compose(engine: None) -> Iterator[RunningCompose]:
    """Three replicas that these tests may replace."""
    with running_compose(3) as running:
        yield running


@pytest.fixture
def better(tmp_path: Path) -> Path:
    """A release that works."""
    return release(tmp_path / "better", *BETTER)


def serving(compose: RunningCompose) -> list[str]:
    """Name what each replica was started from."""
    return [instance.release for instance in compose.stack.instances()]


def once_held(compose: RunningCompose) -> subprocess.CompletedProcess[str]:
    """Ask for a rollout as soon as somebody holds the lock."""
    lock = compose.stack.folder / "rollout.lock"
    until(lambda: lock.exists() and lock.read_text(), "the lock")
    return compose.parley("rollout", "--stack", "compose")


@pytest.mark.runbook("release", "compose")
def test_rolled_out_and_back_while_people_chat(compose: RunningCompose, better: Path, book: Book) -> None:
    """By the runbook. Zero violations each way; every client was moved, and a second rollout meanwhile is refused."""
    before, why = serving(compose)[0], "the better one"
    refused = []

    def roll_out() -> None:
        second = threading.Thread(target=lambda: refused.append(once_held(compose)))
        second.start()
        book.run(compose, SOURCE=str(better), WHY=why)
        second.join()

    verdict = judged(compose.address, roll_out)
    assert verdict.passed, str(verdict)
    assert verdict.acknowledged >= 500
    new = release_of(better)
    assert serving(compose) == [new] * 3
    assert asyncio.run(served(compose.address)) == new
    assert_refused(refused[0], why)

    verdict = judged(compose.address, lambda: book.play("Rollback", compose, SOURCE=str(better), WHY=why))
    assert verdict.passed, str(verdict)
    assert serving(compose) == [before] * 3


# What was said last: one is refused before an instance is touched, or its instance is put back.
STEPS = {
    "does not import": "checking ",
    "is never ready": "; putting ",
    "breaks nginx's config": "checking ",
    "takes no messages": "; putting ",
}


@pytest.mark.parametrize("name", marked(pytest.mark.release, BROKEN, "is never ready", "takes no messages"))
async def test_a_broken_release_leaves_the_old_one_serving(compose: RunningCompose, name: str, tmp_path: Path) -> None:
    """It is refused at its step; the replicas are the very ones from before, and whoever is on them stays on them."""
    broken = await asyncio.to_thread(release, tmp_path / "broken", *BROKEN[name], STYLE)
    before, named = compose.stack.instances(), await style(compose.address)
    said: list[str] = []
    patience = 10 if name == "is never ready" else 60
    async with AsyncExitStack() as stay:
        cookie = await guest(compose.address, "stays")
        sockets = [await stay.enter_async_context(connect(compose.address, cookie)) for _ in range(6)]
        for socket in sockets:
            await socket.join("lobby")
        with pytest.raises(StackError) as failed:
            await asyncio.to_thread(steps.rollout, compose.stack, str(broken), said.append, patience=patience)
        for socket in sockets:
            await socket.send_text("lobby", "still here")
    assert STEPS[name] in said[-1]
    assert SAYS[name] in str(failed.value)
    assert list(compose.stack.instances()) == list(before)
    assert len(compose.containers("web", stopped=True)) == 3, "nothing of it is left"
    assert await served(compose.address) == before[0].release
    assert await style(compose.address) == named
    assert await statuses(compose.address, named) == [200]
    with pytest.raises(BadInputError, match="is running already"):
        await asyncio.to_thread(steps.rollout, compose.stack, None, said.append)


@pytest.mark.release  # two minutes; test_breaking.py has each of its steps
async def test_a_migration_that_nobody_can_judge_asks_for_an_outage(compose: RunningCompose, tmp_path: Path) -> None:
    """Refused with nothing changed; with an outage all replicas stop, migrate and start. Nobody goes back over it."""
    source, before = await asyncio.to_thread(release, tmp_path / "unknown", UNKNOWN), compose.stack.instances()
    said: list[str] = []
    with pytest.raises(BadInputError, match=r"^chat\.9999_unknown: Raw SQL operation: nobody can tell .* --outage"):
        await asyncio.to_thread(steps.rollout, compose.stack, str(source), said.append)
    assert list(compose.stack.instances()) == list(before)
    new = await asyncio.to_thread(steps.rollout, compose.stack, str(source), said.append, outage=True)
    assert serving(compose) == [new] * 3
    assert await served(compose.address) == new
    with pytest.raises(BadInputError, match=r"cannot live with the database as it is now: chat\.9999_unknown"):
        await asyncio.to_thread(steps.rollback, compose.stack, said.append)
    assert serving(compose) == [new] * 3
