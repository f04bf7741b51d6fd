"""Letting an instance go while it is full: nobody is cut, and they come back one after the other."""

import asyncio
import os
import re
import signal
import time
from collections.abc import Iterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from deploy.effects.client.http_client import guest
from deploy.effects.client.websocket_client import Hangup, Socket, connect
from tests.running import RunningStack, changed_checkout, running_stack
from tests.waiting import PATIENCE

pytestmark = pytest.mark.stack

SOCKETS = 500
WINDOW = 5.0
BATCHES = 20  # one every quarter of a second


@pytest.fixture
def own_stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningStack]:
    """A stack that this test may end instances of."""
    with running_stack(tmp_path_factory.mktemp("drain")) as running:
        yield running


async def moments(socket: Socket, obeys: bool) -> tuple[float | None, int]:
    """Read to the end; return when the server said to come back (monotonic seconds) and the close code."""
    asked = None
    try:
        while True:
            frame = await socket.read(60)
            if frame["type"] == "drain":
                asked = time.monotonic()
                if obeys:
                    await asyncio.sleep(frame["within_ms"] / 1000)
                    await socket.close()
                    return asked, 1000
    except Hangup as hangup:
        return asked, hangup.code


async def fill(stack: RunningStack, exits: AsyncExitStack, number: int) -> list[Socket]:
    """Open sockets on the first instance, all of one guest, in the lobby."""
    address = stack.pinned(0)
    cookie = await guest(address, "Many")
    sockets = []
    for _ in range(number):
        socket = await exits.enter_async_context(connect(address, cookie))
        await socket.welcome()
        await socket.join("lobby")
        sockets.append(socket)
    return sockets


async def test_drain_is_spread_and_cuts_nobody(own_stack: RunningStack) -> None:
    """500 sockets in a window of 5 s: even moments, no 1006, stragglers closed with 1012, nothing left over."""
    pid = own_stack.instances[0].pid
    async with AsyncExitStack() as exits:
        sockets = await fill(own_stack, exits, SOCKETS)
        reading = [asyncio.create_task(moments(one, obeys=number % 5 != 0)) for number, one in enumerate(sockets)]
        os.kill(pid, signal.SIGTERM)
        told = await asyncio.wait_for(asyncio.gather(*reading), 60)
    asked = [at for at, _ in told if at is not None]
    assert len(asked) == SOCKETS
    assert max(asked) - min(asked) > WINDOW / 2  # by this clock, which a busy machine stretches and bends
    codes = {code for _, code in told}
    assert codes == {1000, 1012}
    assert sum(code == 1012 for _, code in told) == SOCKETS // 5
    await own_stack.line("web-1", "drain finished sockets=0", timeout=PATIENCE)
    batches = [int(found[1]) for line in own_stack.lines if (found := re.search(r"drain batch=.* told=(\d+)", line))]
    assert batches == [SOCKETS // BATCHES] * BATCHES


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGQUIT, signal.SIGHUP])
async def test_other_signals_drain_too(own_stack: RunningStack, number: signal.Signals) -> None:
    """gunicorn's other ways to end a worker: the worker drains all the same (pitfalls G1)."""
    instance = own_stack.instances[0]
    async with AsyncExitStack() as exits:
        sockets = await fill(own_stack, exits, 5)
        reading = [asyncio.create_task(moments(socket, obeys=False)) for socket in sockets]
        os.kill(instance.pid, number)
        told = await asyncio.wait_for(asyncio.gather(*reading), 60)
    assert {code for _, code in told} == {1012}
    assert all(at is not None for at, _ in told)
    await own_stack.line("web-1", "drain finished sockets=0", timeout=PATIENCE)


async def test_heartbeat_goes_on_through_the_drain(tmp_path: Path) -> None:
    """With gunicorn's timeout far below the window, the worker still drains to the end (pitfalls L3)."""
    short = (
        # Long enough for a worker to boot on a busy machine, which gunicorn times too.
        ("parley.toml", "worker_timeout = 15 ", "worker_timeout = 5 "),
        ("parley.toml", "drain_seconds = 5 ", "drain_seconds = 7 "),
        ("parley.toml", "graceful_seconds = 12 ", "graceful_seconds = 15 "),
        ("parley.toml", "worker_shutdown_seconds = 10 ", "worker_shutdown_seconds = 11 "),
    )
    root = changed_checkout(tmp_path / "checkout", *short)
    with running_stack(tmp_path / "stack", root=root) as stack:
        async with AsyncExitStack() as exits:
            sockets = await fill(stack, exits, 5)
            reading = [asyncio.create_task(moments(socket, obeys=False)) for socket in sockets]
            os.kill(stack.instances[0].pid, signal.SIGHUP)  # the way that leaves the arbiter watching its workers
            told = await asyncio.wait_for(asyncio.gather(*reading), 60)
        assert {code for _, code in told} == {1012}
        await stack.line("web-1", "drain finished sockets=0", timeout=PATIENCE)
        assert not [line for line in stack.lines if "WORKER TIMEOUT" in line]
