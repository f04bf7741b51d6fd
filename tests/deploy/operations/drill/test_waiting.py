"""Other processes are seen as they are, and waited for with a limit."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Iterator

import pytest

from deploy.effects import procfs
from deploy.errors import StackError
from deploy.operations.drill import waiting
from tests.waiting import PATIENCE


@pytest.fixture
def child() -> Iterator[subprocess.Popen[bytes]]:
    """A process that does nothing until it is ended."""
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as child:
        yield child
        child.kill()


async def test_a_child_is_alive_until_it_is_killed(child: subprocess.Popen[bytes]) -> None:
    """A killed child is gone for us before its parent has collected it."""
    assert child.pid in procfs.children(os.getpid())
    waiting.tell(child.pid, signal.SIGKILL)
    await waiting.until(lambda: not procfs.alive(child.pid), 5, "its end")
    assert child.pid not in procfs.children(os.getpid())


async def test_a_condition_may_have_to_be_asked_for() -> None:
    """What an installed stack answers takes a command, which is awaited."""
    answers = [False, True]

    async def holds() -> bool:
        return answers.pop(0)

    await waiting.until(holds, 5, "the second answer")
    assert answers == []


async def test_waiting_in_vain_names_what_for() -> None:
    """The limit holds, and the error is one line for a person."""
    async with asyncio.timeout(PATIENCE):
        with pytest.raises(StackError, match="not within 0 s: the moon"):
            await waiting.until(lambda: False, 0, "the moon")


def test_a_process_that_is_gone_needs_no_signal(child: subprocess.Popen[bytes]) -> None:
    """Healing something that has died already is no error."""
    child.kill()
    child.wait()
    waiting.tell(child.pid, signal.SIGCONT)
    assert not procfs.alive(child.pid)
