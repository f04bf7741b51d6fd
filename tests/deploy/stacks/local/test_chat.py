"""What one instance promises to whoever is on it; tests/behaviour has what they promise together."""

import asyncio

import pytest

from deploy.effects.client.http_client import guest
from deploy.effects.client.websocket_client import Refused, connect, new_key
from tests.running import RunningStack
from tests.waiting import PATIENCE

pytestmark = pytest.mark.stack


async def test_join_of_another_history_is_not_a_resume(stack: RunningStack) -> None:
    """A wrong epoch, or an `after` that this log never had, is never passed off as whole."""
    cookie = await guest(stack.pinned(0), "Gil")
    async with connect(stack.pinned(0), cookie) as socket:
        await socket.welcome()
        joined = await socket.join("lobby")
        other = await socket.join("lobby", after=joined["head"], epoch="not-this-one")
        assert other["recovered"] is False
        ahead = await socket.join("lobby", after=joined["head"] + 1_000, epoch=joined["epoch"])
        assert ahead["recovered"] is False
        assert ahead["epoch"] == joined["epoch"], "a claim without a mark of ours ends nobody's history"


async def test_leave_ends_the_room(stack: RunningStack) -> None:
    """After `left` no frame of that room follows, and sending asks to join first."""
    cookie = await guest(stack.pinned(0), "Kim")
    async with connect(stack.pinned(0), cookie) as socket, connect(stack.pinned(0), cookie) as other:
        for one in (socket, other):
            await one.welcome()
            await one.join("lobby")
        assert (await socket.leave("lobby"))["reason"] == "asked"
        await socket.fence()  # whatever came before it
        await other.send_text("lobby", "after you left")
        later = await socket.fence()
        assert [frame for frame in later if frame.get("room") == "lobby"] == []
        with pytest.raises(Refused) as refused:
            await socket.send_text("lobby", "still here?")
        assert refused.value.code == "not_joined"


@pytest.mark.short
async def test_many_in_flight_keep_their_order(stack: RunningStack) -> None:
    """A hundred sends without waiting: each is acknowledged, in the order they were written."""
    cookie = await guest(stack.pinned(0), "Lía")
    async with connect(stack.pinned(0), cookie) as socket:
        await socket.welcome()
        await socket.join("lobby")
        keys = [new_key() for _ in range(100)]
        for key in keys:
            await socket.write("send", room="lobby", key=key, text="quick")
        async with asyncio.timeout(PATIENCE):
            acks = [await socket.expect("sent", key=key) for key in keys]
        seqs = [ack["seq"] for ack in acks]
        assert seqs == sorted(set(seqs))
