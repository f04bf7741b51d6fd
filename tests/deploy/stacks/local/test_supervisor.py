"""Processes: started again when they die, leaving nothing behind, stopped in order."""

import asyncio
import dataclasses
import errno
import os
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from deploy.effects import commands, processes
from deploy.errors import StackError
from deploy.stacks.local import supervised
from deploy.stacks.local.supervised import Service
from deploy.stacks.local.supervisor import DEATHS_AT_START, Supervisor
from deploy.stacks.local.up import Run
from tests.checkout import ROOT
from tests.waiting import PATIENCE

LIVE = "import signal; print('up', flush=True); signal.pause()"
DEAF = "import signal; signal.signal(15, signal.SIG_IGN); print('up', flush=True)\nwhile True: signal.pause()"
# Not by print: a handler that runs while the main program is inside print may not call it again.
# This one ends by another signal than the one that it is asked by.
SLOW = """
import os, signal
signal.signal(15, signal.SIG_IGN)
signal.signal(signal.SIGUSR1, lambda *_: (os.write(1, b'done\\n'), os._exit(0)))
os.write(1, b'up\\n')
while True: signal.pause()
"""
FAREWELL = """
import os, signal
signal.signal(15, lambda *_: (os.write(1, b'bye\\n'), os._exit(0)))
os.write(1, b'up\\n')
while True: signal.pause()
"""
# Like gunicorn: a master and a worker that outlives it. The worker says its own pid.
FAMILY = """
import os, signal
if os.fork() == 0:
    print('worker', os.getpid(), flush=True)
signal.pause()
"""


# Something outside the session that holds the pipe open; its pid is said, so that the test can end it.
HOLDER = """
import os, signal
if os.fork() == 0:
    os.setsid()
    print('holder', os.getpid(), flush=True)
    signal.pause()
signal.pause()
"""


class Lines:
    """What the processes and the supervisor said, awaited line by line."""

    def __init__(self) -> None:
        self.queue: asyncio.Queue[tuple[str, str]] = asyncio.Queue()
        self.others: list[tuple[str, str]] = []  # that came while a line of another one was awaited

    def say(self, name: str, line: str) -> None:
        self.queue.put_nowait((name, line))

    async def find(self, name: str, start: str) -> str:
        for one in self.others:
            if one[0] == name and one[1].startswith(start):
                self.others.remove(one)
                return one[1]
        async with asyncio.timeout(PATIENCE):
            while True:
                who, line = await self.queue.get()
                if who == name and line.startswith(start):
                    return line
                if who != name:
                    self.others.append((who, line))


@pytest.fixture
def lines() -> Lines:
    """The console of the test."""
    return Lines()


@pytest.fixture
async def supervisor(lines: Lines, tmp_path: Path) -> AsyncIterator[Supervisor]:
    """A supervisor whose processes end with the test."""
    with (tmp_path / "lock").open("w") as inherited:
        processes.adopt_orphans()
        made = Supervisor(lines.say, inherited.fileno())
        yield made
        made.kill()
        await made.stop([list(made.members)])
        processes.adopt_orphans(adopt=False)


def service(name: str, code: str, grace: float = PATIENCE, *, beside: bool = False) -> Service:
    return Service(name, (sys.executable, "-c", code), dict(os.environ), Path("/"), grace=grace, beside=beside)


def pid_of(supervisor: Supervisor, name: str) -> int:
    pid = supervisor.members[name].pid
    assert pid is not None
    return pid


def gone(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False


async def test_a_killed_process_is_started_again(supervisor: Supervisor, lines: Lines) -> None:
    """And the line says how it ended."""
    supervisor.start(service("one", LIVE))
    await lines.find("one", "up")
    first = supervisor.members["one"].pid
    assert first is not None
    os.kill(first, signal.SIGKILL)
    await lines.find("up", "one was ended by SIGKILL; starting it again")
    await lines.find("one", "up")
    assert supervisor.members["one"].pid not in {first, None}


async def test_the_workers_of_a_killed_master_end_before_the_next_starts(supervisor: Supervisor, lines: Lines) -> None:
    """They hold its ports."""
    supervisor.start(service("one", FAMILY))
    worker = int((await lines.find("one", "worker")).split()[1])
    master = supervisor.members["one"].pid
    assert master is not None
    os.kill(master, signal.SIGKILL)
    await lines.find("one", "worker")
    assert gone(worker)


async def test_a_process_that_is_started_again_is_heard_though_its_pipe_was_held_open(
    supervisor: Supervisor, lines: Lines, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The loop must not take the next process's pipe, or its end, for what had the same number before."""
    monkeypatch.setattr(supervised, "LAST_LINES_SECONDS", 0.01)
    supervisor.start(service("one", HOLDER))
    holders = []
    try:
        for _ in range(3):
            holders.append(int((await lines.find("one", "holder")).split()[1]))
            pid = supervisor.members["one"].pid
            assert pid is not None
            os.kill(pid, signal.SIGKILL)
            await lines.find("up", "one was ended by SIGKILL")
    finally:
        for holder in holders:
            os.kill(holder, signal.SIGKILL)


async def test_a_process_that_ignores_its_signal_is_killed_after_its_grace(
    supervisor: Supervisor, lines: Lines
) -> None:
    """And nothing waits for it for ever."""
    supervisor.start(service("deaf", DEAF, grace=0.2))
    await lines.find("deaf", "up")
    pid = supervisor.members["deaf"].pid
    assert pid is not None
    await asyncio.wait_for(supervisor.stop([["deaf"]]), PATIENCE)
    await lines.find("up", "deaf did not stop within 0.2 s: killed")
    assert gone(pid)


async def test_stopping_goes_in_order(supervisor: Supervisor, lines: Lines) -> None:
    """The second group is told when the first has ended."""
    for name in ("a", "b"):
        supervisor.start(service(name, FAREWELL))
        await lines.find(name, "up")
    await asyncio.wait_for(supervisor.stop([["b"], ["a"]]), PATIENCE)
    said = [lines.queue.get_nowait() for _ in range(lines.queue.qsize())]
    assert said == [("b", "bye"), ("a", "bye")]


async def test_a_process_that_keeps_dying_at_the_start_is_given_up(supervisor: Supervisor, lines: Lines) -> None:
    """By name, and what it said is there to read."""
    supervisor.start(service("bad", "print('no such setting'); exit(3)"))
    with pytest.raises(StackError, match="bad died 3 times before the stack was ready"):
        await asyncio.wait_for(supervisor.ready(asyncio.Event().wait()), PATIENCE)  # type: ignore[arg-type]
    await lines.find("bad", "no such setting")


async def test_one_that_keeps_dying_beside_the_site_is_a_line_each_time(supervisor: Supervisor, lines: Lines) -> None:
    """With its exit status and the last line it said; no start is given up for it."""
    supervisor.start(service("jobs", "print('first'); print('no such setting'); exit(3)", beside=True))
    over = asyncio.Event()
    ready = asyncio.create_task(supervisor.ready(over.wait()))  # type: ignore[arg-type]
    said = "jobs ended with exit status 3: no such setting; starting it again"
    for pause in ("", " in 0.5 s", " in 1 s"):
        assert await lines.find("up", "jobs") == said + pause
    supervisor.start(service("silent", "exit(4)", beside=True))
    await lines.find("up", "silent ended with exit status 4: it said nothing; starting it again")
    assert supervisor.members["jobs"].quick_deaths >= DEATHS_AT_START
    over.set()
    await asyncio.wait_for(ready, PATIENCE)


async def test_each_of_a_group_has_its_own_time_to_end(supervisor: Supervisor, lines: Lines) -> None:
    """One with a long grace does not lend it to the one beside it."""
    supervisor.start(service("deaf", DEAF, grace=0.2))
    supervisor.start(service("slow", SLOW))
    await lines.find("deaf", "up")
    await lines.find("slow", "up")
    pid = pid_of(supervisor, "slow")
    stopping = asyncio.create_task(supervisor.stop([["deaf", "slow"]]))
    await lines.find("up", "deaf did not stop within 0.2 s: killed")
    assert not gone(pid)
    os.kill(pid, signal.SIGUSR1)
    await asyncio.wait_for(stopping, PATIENCE)
    await lines.find("slow", "done")


async def test_a_process_ends_with_the_one_that_started_it() -> None:
    """Even a supervisor that is killed with -9, which can tell nobody."""
    code = (
        "import asyncio, os, sys; from deploy.effects.processes import Process\n"
        "async def main():\n"
        f"    child = Process([sys.executable, '-c', {LIVE!r}], env=os.environ, cwd='/')\n"
        "    await child.output.chunk(); print(child.pid, flush=True); await asyncio.sleep(600)\n"
        "asyncio.run(main())"
    )
    parent = await asyncio.create_subprocess_exec(sys.executable, "-c", code, stdout=asyncio.subprocess.PIPE, cwd=ROOT)
    assert parent.stdout is not None
    child = int(await asyncio.wait_for(parent.stdout.readline(), PATIENCE))
    handle = os.pidfd_open(child)
    ended = asyncio.Event()
    asyncio.get_running_loop().add_reader(handle, ended.set)
    parent.kill()
    await parent.wait()
    await asyncio.wait_for(ended.wait(), PATIENCE)
    asyncio.get_running_loop().remove_reader(handle)
    os.close(handle)


async def test_output_of_any_size_and_encoding_comes_line_by_line(supervisor: Supervisor, lines: Lines) -> None:
    """A line longer than any buffer, bytes that are no text, and a last line without an end."""
    code = "import sys; b = sys.stdout.buffer; b.write(b'x' * 300_000 + b'\\n\\xff\\nend'); b.flush()"
    supervisor.start(service("one", code + "; import signal; signal.pause()"))
    assert len(await lines.find("one", "x")) == 300_000
    assert await lines.find("one", "\ufffd") == "\ufffd"
    supervisor.members["one"].ask_to_stop()
    assert await lines.find("one", "end") == "end"


def test_a_command_that_ends_gives_its_status_and_both_outputs() -> None:
    """In one text, as a person would see it."""
    code = "import sys; print('out', flush=True); print('err', file=sys.stderr); exit(4)"
    assert commands.run([sys.executable, "-c", code]) == commands.Finished(4, "out\nerr")


async def test_a_process_is_watched_though_what_runs_where_cannot_be_written(
    supervisor: Supervisor, lines: Lines
) -> None:
    """A full disk is told, and is no reason to let go of what runs."""

    def full() -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    supervisor.changed = full
    supervisor.start(service("one", LIVE))
    await lines.find("up", "the state file cannot be written: No space left on device")
    await lines.find("one", "up")
    os.kill(pid_of(supervisor, "one"), signal.SIGKILL)
    await lines.find("up", "one was ended by SIGKILL; starting it again")
    await lines.find("one", "up")


async def test_a_process_that_cannot_be_started_again_is_tried_again(
    supervisor: Supervisor, lines: Lines, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A machine that is out of processes for a moment has some again."""
    supervisor.start(service("one", LIVE))
    await lines.find("one", "up")
    made = processes.Process
    refusals = iter([BlockingIOError(errno.EAGAIN, "Resource temporarily unavailable")])

    def refuse_once(*given: Any, **named: Any) -> processes.Process:
        for refusal in refusals:
            raise refusal
        return made(*given, **named)

    monkeypatch.setattr(processes, "Process", refuse_once)
    os.kill(pid_of(supervisor, "one"), signal.SIGKILL)
    await lines.find("up", "one could not be started: Resource temporarily unavailable; starting it again")
    await lines.find("one", "up")


async def test_what_was_started_is_stopped_whatever_went_wrong(lines: Lines, tmp_path: Path) -> None:
    """A full disk in the middle of the start, for one."""
    pids = []

    class Broken(Run):
        async def start(self, supervisor: Supervisor) -> None:
            supervisor.start(service("one", LIVE))
            await lines.find("one", "up")
            pids.append(pid_of(supervisor, "one"))
            raise OSError(errno.ENOSPC, "No space left on device")

    with (tmp_path / "lock").open("w") as inherited:
        run = Broken(SimpleNamespace(names=("one",), beside={}), lines, inherited.fileno())  # type: ignore[arg-type]
        with pytest.raises(OSError, match="No space left"):
            await asyncio.wait_for(run.until_signal(), PATIENCE)
    processes.adopt_orphans(adopt=False)
    assert gone(pids[0])


async def test_one_beside_the_site_that_cannot_be_started_is_tried_again(
    supervisor: Supervisor, lines: Lines, tmp_path: Path
) -> None:
    """The first time too: nobody waits for it, so nobody else would say so."""
    away = tmp_path / "away"
    supervisor.start(dataclasses.replace(service("jobs", LIVE, beside=True), cwd=away))
    await lines.find("up", "jobs could not be started: No such file or directory; starting it again")
    away.mkdir()
    await lines.find("jobs", "up")
