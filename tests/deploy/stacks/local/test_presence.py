"""Who is there, over two instances: by lease, with a grace, and never by a counter (pitfalls K7)."""

import os
import signal
from collections.abc import Callable, Iterator

import pytest

from deploy.effects.client.http_client import guest
from deploy.effects.client.websocket_client import Frame, Socket, connect
from tests.running import RunningStack, running_stack

pytestmark = pytest.mark.stack


@pytest.fixture
def own_stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningStack]:
    """A stack whose workers this test may kill."""
    with running_stack(tmp_path_factory.mktemp("presence")) as running:
        yield running


async def entered(socket: Socket) -> int:
    """Join the lobby and return one's own id."""
    me: int = (await socket.welcome())["you"]["id"]
    await socket.join("lobby")
    return me


def says(kind: str, person: int) -> Callable[[Frame], bool]:
    """Return a test of frames: presence that tells of this person."""

    def fits(frame: Frame) -> bool:
        return frame["type"] == "presence" and any(who["id"] == person for who in frame.get(kind, []))

    return fits


async def test_five_tabs_are_one_person(own_stack: RunningStack) -> None:
    """One comes when the first tab does and leaves when the last is gone, on whatever instance they are."""
    one, two = own_stack.pinned(0), own_stack.pinned(1)
    cookie = await guest(one, "Tabs")
    async with connect(two, await guest(two, "Watcher")) as watcher:
        await entered(watcher)
        tabs = [connect(one if number % 2 else two, cookie) for number in range(5)]
        for number, tab in enumerate(tabs):
            person = await entered(await tab.__aenter__())
            if not number:
                await watcher.until(says("joined", person))
        for tab in tabs[:4]:
            await tab.__aexit__(None, None, None)
        await watcher.send_text("lobby", "four closed")
        again = await watcher.join("lobby")
        assert again["count"] == 2
        await tabs[4].__aexit__(None, None, None)
        left = await watcher.until(says("left", person), 60)
        assert left["count"] == 1
        told = [frame for frame in await watcher.fence() if frame["type"] == "presence"]
        assert not [frame for frame in told if says("joined", person)(frame) or says("left", person)(frame)]


async def test_reconnect_inside_the_grace_is_not_told(own_stack: RunningStack) -> None:
    """Gone from one instance and back on the other: nobody hears of it."""
    one, two = own_stack.pinned(0), own_stack.pinned(1)
    cookie = await guest(one, "Back")
    async with connect(two, await guest(two, "Watcher")) as watcher:
        await entered(watcher)
        async with connect(one, cookie) as socket:
            person = await entered(socket)
            await watcher.until(says("joined", person))
            socket.abort()
        async with connect(two, cookie) as socket:
            await entered(socket)
            # The grace is over when somebody who left at the same time is told to have left.
            async with connect(one, await guest(one, "Other")) as other:
                stranger = await entered(other)
                await watcher.until(says("joined", stranger))
            await watcher.until(says("left", stranger), 60)
            told = await watcher.fence()
            assert not [frame for frame in told if says("joined", person)(frame) or says("left", person)(frame)]


async def test_people_of_a_killed_process_leave_by_lease(own_stack: RunningStack) -> None:
    """SIGKILL says no goodbye: who does not come back leaves when the lease ends."""
    one, two = own_stack.pinned(0), own_stack.pinned(1)
    async with connect(two, await guest(two, "Watcher")) as watcher:
        await entered(watcher)
        async with connect(one, await guest(one, "Doomed")) as doomed:
            person = await entered(doomed)
            await watcher.until(says("joined", person))
            os.kill(own_stack.instances[0].workers()[0], signal.SIGKILL)
            assert await doomed.closed() == 1006
            await watcher.until(says("left", person), 60)  # a lease of 12 s, and some time to be told
