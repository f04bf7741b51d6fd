"""Questions of the same moment are answered together, and nobody waits for ever."""

import asyncio
import threading
from collections.abc import AsyncIterator, Mapping, Sequence

import pytest
from django.db import OperationalError

from chat.log import Batched, DatabaseThread, Unavailable


class Reading:
    """Answers numbers with their squares, when it is let."""

    def __init__(self) -> None:
        self.asked: list[list[int]] = []
        self.go = threading.Event()
        self.go.set()
        self.error: Exception | None = None

    def __call__(self, questions: Sequence[int]) -> Mapping[int, int]:
        self.asked.append(list(questions))
        assert self.go.wait(10)
        if self.error:
            raise self.error
        return {one: one * one for one in questions if one >= 0}


@pytest.fixture
async def thread() -> AsyncIterator[DatabaseThread]:
    """A thread of its own for the readings."""
    made = DatabaseThread("test-batch")
    yield made
    await made.close()


async def test_a_lone_question_is_asked_at_once(thread: DatabaseThread) -> None:
    """And one without an answer is None."""
    reading = Reading()
    batched = Batched(thread, reading)
    assert (await batched.ask(3), await batched.ask(-3)) == (9, None)
    assert reading.asked == [[3], [-3]]


async def test_what_comes_meanwhile_is_one_reading(thread: DatabaseThread) -> None:
    """The same question twice is one, too."""
    reading = Reading()
    reading.go.clear()
    batched = Batched(thread, reading)
    first = asyncio.create_task(batched.ask(1))
    while not reading.asked:  # noqa: ASYNC110 (another thread asks)
        await asyncio.sleep(0)
    others = [asyncio.create_task(batched.ask(number)) for number in (2, 3, 3, 4)]
    await asyncio.sleep(0)
    reading.go.set()
    assert await asyncio.gather(first, *others) == [1, 4, 9, 9, 16]
    assert reading.asked == [[1], [2, 3, 4]]


@pytest.mark.parametrize("error", [OperationalError("gone"), RuntimeError("a fault of ours")])
async def test_an_error_is_everybody_s_answer(thread: DatabaseThread, error: Exception) -> None:
    """Unavailable, whatever it was; the next question is answered again."""
    reading = Reading()
    reading.error = error
    batched = Batched(thread, reading)
    with pytest.raises(Unavailable):
        await asyncio.wait_for(batched.ask(1), 10)
    reading.error = None
    assert await batched.ask(2) == 4


async def test_who_goes_away_takes_nobody_along(thread: DatabaseThread) -> None:
    """A handshake that was given up leaves the answer to the others who asked the same."""
    reading = Reading()
    reading.go.clear()
    batched = Batched(thread, reading)
    gone, stays = asyncio.create_task(batched.ask(5)), asyncio.create_task(batched.ask(5))
    while not reading.asked:  # noqa: ASYNC110 (another thread asks)
        await asyncio.sleep(0)
    gone.cancel()
    reading.go.set()
    assert await stays == 25


async def test_a_closed_thread_takes_nothing() -> None:
    """Who comes too late is told so, and does not wait for ever."""
    closed = DatabaseThread("test-closed")
    await closed.close()
    with pytest.raises(Unavailable):
        await closed.run(int)
