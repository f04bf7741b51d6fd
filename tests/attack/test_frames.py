"""What one socket may make an instance parse, through the real server: codes and counts, never times."""

import asyncio
from contextlib import AsyncExitStack, suppress

import pytest

from deploy.effects.client.address import Address
from deploy.effects.client.http_client import guest
from deploy.effects.client.websocket_client import Hangup, connect
from parley_serving import limits
from parley_serving.intake import FLOODING
from tests.attack.raw import opened, peer
from tests.running import RunningStack

pytestmark = pytest.mark.stack

FLOOD = 100_000  # frames
LARGE = 60_000  # bytes of a frame, of which the application would take more than the server does
FLOODS = {
    "ping": b"\x89\x80\0\0\0\0" * FLOOD,
    "pong": b"\x8a\x80\0\0\0\0" * FLOOD,
    "fragments": b"\x01\x80\0\0\0\0" + b"\x00\x81\0\0\0\0x" * FLOOD,
    "empty fragments": b"\x01\x80\0\0\0\0" + b"\x00\x80\0\0\0\0" * FLOOD,
    "bytes": (b"\x81\xfe" + LARGE.to_bytes(2) + bytes(4) + b'{"type":"ping"}'.ljust(LARGE)) * 180,
}


def flooded(stack: RunningStack) -> float:
    """Return how many sockets were closed for flooding."""
    return sum(stack.measured(number)["parley_flooded_total"] for number in range(len(stack.instances)))


def ways(stack: RunningStack) -> dict[str, Address]:
    """Return the way to an instance, and the one through nginx."""
    return {"instance": stack.pinned(0), "nginx": stack.address}


@pytest.mark.parametrize("way", ["instance", "nginx"])
@pytest.mark.parametrize("kind", FLOODS)
async def test_a_flood_is_closed_and_nobody_else_notices(stack: RunningStack, kind: str, way: str) -> None:
    """With 4429, a line that names who, and a count; somebody else's sends are acknowledged meanwhile."""
    address = ways(stack)[way]
    before = await asyncio.to_thread(flooded, stack)
    name = f"Flood {kind} {way}"
    async with connect(stack.pinned(0), await guest(address, "Good")) as good:
        await good.welcome()
        await good.join("lobby")
        cookie = await guest(address, name)
        async with connect(address, cookie) as known:
            person = (await known.welcome())["you"]["id"]
        async with opened(address, cookie) as bad:
            bad.writer.write(FLOODS[kind])
            for number in range(5):
                await good.send_text("lobby", f"not my flood {number}")
            assert await bad.code() == FLOODING
    why = f"a socket is closed for flooding: too many {'bytes' if kind == 'bytes' else 'f'}"
    await stack.line(why, "address=127.0.0.1", "socket=", f"user={person}")
    assert await asyncio.to_thread(flooded, stack) == before + 1


async def test_who_floods_on_is_not_let_in_for_a_while(stack: RunningStack) -> None:
    """A session that flooded so often gets 429, with a line and a count; another one of the same address comes in."""
    address = stack.pinned(0)
    bad, good = await guest(address, "Floods on"), await guest(address, "Floods not")
    async with AsyncExitStack() as stay:
        # All at once, so that it is long before this session may come in again.
        sockets = [await stay.enter_async_context(opened(address, bad)) for _ in range(3 * limits.FLOODS_AT_ONCE)]
        for socket in sockets:
            socket.writer.write(FLOODS["ping"][: 6 * 3_000])
        assert [await socket.code() for socket in sockets] == [FLOODING] * len(sockets)
    assert await handshake(address, bad) == 429
    await stack.line("handshake refused: 429 'sockets of this session were closed for flooding'", "socket=")
    assert await handshake(address, good) == 101
    async with connect(stack.pinned(1), bad) as elsewhere:  # each instance counts what it had to parse itself
        await elsewhere.welcome()


async def handshake(address: Address, cookie: str) -> int:
    """Ask for a socket, and return the status."""
    async with peer(address) as asking:
        return await asking.ask(asking.handshake(f"Cookie: {cookie}"))


async def test_who_sends_again_what_it_has_is_no_attacker(stack: RunningStack) -> None:
    """After the first `joined` of a room a full outbox comes at once: frames are refused, and the socket stays."""
    number = 1_300  # above what is parsed of a flood, below that and what a `joined` gives
    address = stack.pinned(0)
    async with connect(address, await guest(address, "Outbox")) as socket:
        await socket.welcome()
        await socket.join("lobby")
        for ref in range(number):
            await socket.write("ping", ref=ref)
        answers = [await socket.until(lambda frame: "ref" in frame) for _ in range(number)]
    assert [answer["ref"] for answer in answers] == list(range(number))
    assert {answer.get("code") for answer in answers} == {None, "rate_limited"}


@pytest.mark.parametrize("way", ["instance", "nginx"])
async def test_a_large_frame_is_told_so(stack: RunningStack, way: str) -> None:
    """The close frame arrives, however much of the frame is still on its way: 1009 and never 1006."""
    address = ways(stack)[way]
    cookie = await guest(address, "Large")
    for size in (65_537, 200_000, 1_000_000, 8_000_000) * 2:
        async with connect(address, cookie) as socket:
            await socket.welcome()
            with suppress(Hangup):  # closed before all of it was written
                await socket.raw("x" * size)
            assert await socket.closed() == 1009, size


async def test_a_text_that_is_no_utf_8_is_one_line(stack: RunningStack) -> None:
    """1007, and no traceback for what a peer sends."""
    printed = len(stack.lines)
    async with opened(stack.address, await guest(stack.address, "Latin")) as socket:
        socket.writer.write(b"\x81\x82\0\0\0\0\xff\xfe")
        assert await socket.code() == 1007
    assert "WARN" in (await stack.line("a socket is closed for what it sent: a text that is not UTF-8")).upper()
    assert not [line for line in stack.lines[printed:] if "Traceback" in line]
