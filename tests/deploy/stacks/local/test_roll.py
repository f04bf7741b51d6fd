"""Rolling instances under a stream of handshakes and pages: nobody is told that nobody is there (pitfalls L1)."""

import asyncio
import os
import signal
from collections import Counter
from collections.abc import Iterator

import pytest
from websockets.exceptions import InvalidStatus

from deploy.effects.client.http_client import HttpClient, guest
from deploy.effects.client.websocket_client import connect
from tests.running import RunningStack, running_stack
from tests.waiting import PATIENCE

pytestmark = pytest.mark.stack

WAIT_SECONDS = 30.0  # what is asked is what the answer is, not how soon it comes: an instance that starts has a backlog


@pytest.fixture
def own_stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningStack]:
    """A stack whose instances this test may end."""
    with running_stack(tmp_path_factory.mktemp("roll")) as running:
        yield running


async def is_ready(stack: RunningStack, number: int) -> bool:
    """Say whether an instance takes visitors again."""
    try:
        return (await HttpClient(stack.pinned(number)).get("/readyz")).status == 200
    except OSError:
        return False


async def test_two_instances_rolled_close_to_each_other(own_stack: RunningStack) -> None:
    """The second goes when the first is back, a few seconds after: no handshake and no page gets 502."""
    cookie = await guest(own_stack.address, "Stream")
    stop = asyncio.Event()
    answers: Counter[int] = Counter()

    async def handshakes() -> None:
        while not stop.is_set():
            try:
                async with connect(own_stack.address, cookie, timeout=WAIT_SECONDS):
                    answers[101] += 1
            except InvalidStatus as refused:
                answers[refused.response.status_code] += 1

    async def pages() -> None:
        while not stop.is_set():
            page = await HttpClient(own_stack.address, timeout=WAIT_SECONDS).get("/accounts/login/")
            answers[page.status] += 1

    streams = [asyncio.create_task(stream()) for stream in (handshakes, handshakes, pages)]
    for number in (0, 1):
        pid = own_stack.instances[number].pid
        drained = len([line for line in own_stack.lines if "drain finished" in line])
        os.kill(pid, signal.SIGTERM)
        async with asyncio.timeout(PATIENCE):
            while (  # noqa: ASYNC110 (what another process does has no event)
                len([line for line in own_stack.lines if "drain finished" in line]) == drained
                or own_stack.instances[number].pid in (pid, None)
                or not await is_ready(own_stack, number)
            ):
                await asyncio.sleep(0.1)
    stop.set()
    await asyncio.gather(*streams)
    assert answers[101] > 20
    assert answers[200] > 20
    assert set(answers) == {101, 200}, answers
