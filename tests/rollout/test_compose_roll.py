"""Rollouts of the Compose stack, on a real engine: people chat on, and a broken release serves nobody."""

import asyncio
import subprocess
import threading
from collections.abc import Iterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from deploy.drill.visitor import guest
from deploy.drill.wire import connect
from deploy.errors import BadInputError, StackError
from deploy.release import release as release_of
from deploy.rollout import roll
from tests.compose.stack import RunningCompose, running_compose
from tests.rollout.judged import assert_refused, judged, served, statuses, style
from tests.rollout.releases import BETTER, BROKEN, SAYS, STYLE, release
from tests.runbooks.book import Book
from tests.sets import marked
from tests.waiting import until

pytestmark = [pytest.mark.docker, pytest.mark.timeout(900)]


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
    assert verdict.passed, verdict
    assert verdict.acknowledged >= 500
    new = release_of(better)
    assert serving(compose) == [new] * 3
    assert asyncio.run(served(compose.address)) == new
    assert_refused(refused[0], why)

    verdict = judged(compose.address, lambda: book.play("Rollback", compose, SOURCE=str(better), WHY=why))
    assert verdict.passed, verdict
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
            await asyncio.to_thread(roll.rollout, compose.stack, str(broken), said.append, patience=patience)
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
        await asyncio.to_thread(roll.rollout, compose.stack, None, said.append)
