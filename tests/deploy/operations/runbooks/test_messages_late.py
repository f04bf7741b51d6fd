"""docs/runbooks/messages-late.md, where an instance throws away what it should publish, and where a loop waits."""

import asyncio
import itertools
import os
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

import pytest

from deploy.effects.client.http_client import guest
from deploy.effects.client.websocket_client import Socket, connect
from tests.deploy.operations.runbooks.book import Book, changed
from tests.deploy.text.prometheus.server import Prometheus
from tests.running import RunningStack, running_stack

BOUND = 5  # entries that wait for Redis; 10 000 would take minutes of a busy site with Redis frozen
SLOW = 0.6
BEFORE = "        for commit in commits:\n"
# A fault as B4 has it, of one process from one moment on: its loop waits whenever a batch is stored.
ILL = f"""\
        self._ill = getattr(self, "_ill", False) or any(draft.text == "fall ill" for draft, _, _ in batch)
        time.sleep({SLOW} if self._ill else 0)
"""
CHANGES = (
    ("app/realtime/publisher.py", "QUEUE_ENTRIES = 10_000 ", f"QUEUE_ENTRIES = {BOUND} "),
    ("app/chat/log/log.py", BEFORE, ILL + BEFORE),
)


@pytest.fixture(scope="module")
def broken(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningStack]:
    """A stack with that fault and that bound."""
    root = changed(tmp_path_factory.mktemp("changed") / "checkout", *CHANGES)
    with running_stack(tmp_path_factory.mktemp("broken"), root=root) as running:
        yield running


@asynccontextmanager
async def chatting(stack: RunningStack, number: int, *first: str) -> AsyncIterator[None]:
    """Have somebody write on an instance, each message when the one before is answered, until the block ends."""
    async with connect(stack.pinned(number), await guest(stack.address, "Ana")) as socket:
        await socket.welcome()
        await socket.join("lobby")
        talk = asyncio.create_task(_talk(socket, *first))
        try:
            yield
        finally:
            talk.cancel()
            await asyncio.wait([talk])
        assert talk.cancelled(), talk.exception()


async def _talk(socket: Socket, *first: str) -> None:
    for text in itertools.chain(first, itertools.repeat("and")):
        await socket.send_text("lobby", text)
        await asyncio.sleep(0.02)


@pytest.mark.stack
@pytest.mark.runbook("messages-late", "local")
async def test_redis_hangs_and_then_a_loop_waits(book: Book, broken: RunningStack, server: Prometheus) -> None:
    """Each fires its alert, and the page tells them apart; an instance that is started anew is well."""
    pid = broken.state["redis_pid"]
    os.kill(pid, signal.SIGSTOP)
    try:
        async with chatting(broken, 1):
            await asyncio.to_thread(server.until, ("ParleyPublishDropped", "web-2"), ("ParleyLayerDown", "web-2"))
            said = await asyncio.to_thread(book.play, "Diagnosis", broken, INSTANCE="web-2")
    finally:
        os.kill(pid, signal.SIGCONT)
    assert read(said, "parley_publish_dropped_total")[0] > 0
    assert read(said, "parley_layer_well") == [0, 0]
    async with chatting(broken, 0, "fall ill"):
        await asyncio.to_thread(server.until, ("ParleyMessagesLate", "web-1"))
        said = await asyncio.to_thread(book.play, "Diagnosis", broken, INSTANCE="web-1")
    before, after = read(said, "parley_sent_seconds_sum")
    assert after - before >= SLOW
    await asyncio.to_thread(book.play, "Mitigation", broken, INSTANCE="web-1")
    await asyncio.to_thread(book.play, "Verification", broken, INSTANCE="web-1")
    await asyncio.to_thread(server.until, quiet=True)


def read(said: str, name: str) -> list[float]:
    """Give a metric's value each time that it was printed."""
    return [float(line.split()[1]) for line in said.splitlines() if line.startswith(f"{name} ")]
