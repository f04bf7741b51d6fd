"""Readers that are too slow: they cost no memory, lose nothing, and are let go when they stay stuck."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.effects.client.http_client import guest
from deploy.effects.client.websocket_client import Socket, connect
from tests.running import UNLIMITED, RunningStack, changed_checkout, running_stack

pytestmark = pytest.mark.stack

STUCK = 20
MESSAGES = 3_000
TEXT = "x" * 4_000  # 12 MB in all: far above what kernel and transport hold for a reader
MEBIBYTE = 1024 * 1024


@pytest.fixture(scope="module")
def patient(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningStack]:
    """A stack that takes as many frames as one can send, and lets go of nobody while this machine is busy."""
    patient = ("app/realtime/socket.py", "STUCK_SECONDS = 20.0", "STUCK_SECONDS = 2000.0")
    root = changed_checkout(tmp_path_factory.mktemp("fast") / "checkout", patient, *UNLIMITED)
    with running_stack(tmp_path_factory.mktemp("slow"), root=root) as running:
        yield running


def resident(pid: int) -> int:
    """Return the bytes of memory that a process holds."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * 4096


async def write(socket: Socket, number: int) -> int:
    """Send that many messages, a hundred under way at a time, and return the last seq."""
    last = 0
    for start in range(0, number, 100):
        keys = [f"{start + offset}-{id(socket)}" for offset in range(min(100, number - start))]
        for key in keys:
            await socket.write("send", room="lobby", key=key, text=TEXT)
        for key in keys:
            last = (await socket.expect("sent", 30, key=key))["seq"]
        await socket.fence(30)  # drops the writer's own entries
    return last


async def test_stuck_readers_cost_no_memory_and_catch_up(patient: RunningStack) -> None:
    """Less than 1 MiB for each; when they read again they get everything, in order, once."""
    address = patient.pinned(0)
    worker = patient.instances[0].workers()[0]
    async with connect(address, await guest(address, "Writer")) as writer:
        await writer.welcome()
        start = (await writer.join("lobby"))["head"]
        await write(writer, 500)  # so that what the process keeps for any traffic is there already
        cookie = await guest(address, "Slow")
        stuck = [connect(address, cookie) for _ in range(STUCK)]
        sockets = [await one.__aenter__() for one in stuck]
        try:
            for socket in sockets:
                await socket.welcome()
                start = (await socket.join("lobby"))["head"]
                socket.freeze()
            before = resident(worker)
            last = await write(writer, MESSAGES)
            found = patient.measured(0)
            assert found["parley_behind"] == STUCK
            assert (resident(worker) - before) / STUCK < MEBIBYTE
            for socket in sockets[:3]:
                socket.thaw()
                seqs: list[int] = []
                while not seqs or seqs[-1] < last:
                    frame = await socket.read(30)
                    if frame["type"] == "entries":
                        seqs += [entry["seq"] for entry in frame["entries"]]
                assert seqs == list(range(start + 1, last + 1))
            await patient.until_measured(0, behind=STUCK - 3)
        finally:
            for one in stuck:
                await asyncio.wait_for(one.__aexit__(None, None, None), 30)
    await patient.until_measured(0, sockets=0, behind=0)


async def test_who_stays_stuck_is_let_go(tmp_path: Path) -> None:
    """4408, and everything of it is gone though its transport never drained (pitfalls G14)."""
    quick = ("app/realtime/socket.py", "STUCK_SECONDS = 20.0", "STUCK_SECONDS = 2.0")
    root = changed_checkout(tmp_path / "checkout", quick, *UNLIMITED)
    with running_stack(tmp_path / "stack", root=root) as stack:
        address = stack.pinned(0)
        async with (
            connect(address, await guest(address, "Writer")) as writer,
            connect(address, await guest(address, "Stuck")) as stuck,
            connect(address, await guest(address, "Slow")) as slow,
        ):
            for socket in (writer, stuck, slow):
                await socket.welcome()
                await socket.join("lobby")
            stuck.freeze()
            slow.freeze()
            await write(writer, 1_000)
            await stack.until_measured(0, stuck_total=2)
            slow.thaw()  # reads what is in the way, then why it was closed
            assert await slow.closed(30) == 4408
            await stack.until_measured(0, sockets=1, subscriptions=1, behind=0)
            await writer.send_text("lobby", "nobody else notices")
