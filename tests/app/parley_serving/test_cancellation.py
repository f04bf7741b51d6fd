"""Ending tasks: all that can be ended, and no longer than it may take."""

import asyncio

import pytest

from parley_serving import cancellation
from parley_serving.cancellation import end


async def test_what_does_not_end_is_left_behind_and_named(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """As one that waits under a lock which a frozen Redis holds (pitfalls L4): the drain goes on without it."""
    monkeypatch.setattr(cancellation, "END_SECONDS", 0.01)
    go = asyncio.Event()

    async def stubborn() -> None:
        while not go.is_set():
            try:
                await go.wait()
            except asyncio.CancelledError:
                continue

    async def obedient() -> None:
        await go.wait()

    tasks = [asyncio.create_task(work()) for work in (stubborn, obedient)]
    await asyncio.sleep(0)
    try:
        await asyncio.wait_for(end(tasks), 10)
        assert [task.done() for task in tasks] == [False, True]
        [message] = caplog.messages
        assert message.startswith("a task did not end in time: ")
        assert "stubborn" in message
    finally:
        go.set()  # or the loop could not be closed
        await tasks[0]
    await end([])


async def test_what_takes_a_moment_to_end_is_waited_for(caplog: pytest.LogCaptureFixture) -> None:
    """What it closes is closed before whoever ends it goes on, and nothing is said of it."""
    began, closed = asyncio.Event(), asyncio.Event()

    async def careful() -> None:
        try:
            began.set()
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0.01)
            closed.set()

    task = asyncio.create_task(careful())
    await began.wait()
    await end([task])
    assert closed.is_set()
    assert caplog.messages == []
