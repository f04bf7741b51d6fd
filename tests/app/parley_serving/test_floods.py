"""Who flooded too often, by session."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from parley_serving import limits
from parley_serving.budget import Budget
from parley_serving.floods import Floods, sessions_of
from parley_serving.intake import FLOODING
from tests.app.realtime.server import Held, Holding, holding
from tests.waiting import PATIENCE

PING = b"\x89\x80\0\0\0\0"
BAD, GOOD = sessions_of(["sessionid=bad"]), sessions_of(["sessionid=good"])


@pytest.fixture
def now(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The clock, as the test sets it."""
    clock = [1000.0]
    monkeypatch.setattr("parley_serving.bucket.time.monotonic", lambda: clock[0])
    return clock


def test_a_session_is_held_after_so_many_and_let_in_by_and_by(now: list[float]) -> None:
    """One that never flooded is not, and no handshake makes a session known."""
    floods = Floods()
    for _ in range(limits.FLOODS_AT_ONCE):
        assert not floods.holds(BAD)
        floods.count(BAD)
    assert floods.holds(BAD)
    assert not floods.holds(GOOD)
    assert len(floods) == 1
    now[0] += limits.FLOOD_AGAIN_SECONDS
    assert not floods.holds(BAD)
    floods.count(BAD)
    assert floods.holds(BAD)


def test_sockets_that_were_open_already_are_counted_too(now: list[float]) -> None:
    """Who opens many and floods on all of them waits for as long as if they had come one after the other."""
    floods = Floods()
    for _ in range(2 * limits.FLOODS_AT_ONCE):
        floods.count(BAD)
    now[0] += limits.FLOODS_AT_ONCE * limits.FLOOD_AGAIN_SECONDS
    assert floods.holds(BAD)
    now[0] += limits.FLOOD_AGAIN_SECONDS
    assert not floods.holds(BAD)


def test_without_a_session_nobody_is_held() -> None:
    """Others behind the same address have none either."""
    floods = Floods()
    for _ in range(limits.FLOODS_AT_ONCE + 1):
        floods.count(sessions_of([]))
    assert not floods.holds(sessions_of([]))
    assert len(floods) == 0


def test_it_remembers_a_bounded_number(monkeypatch: pytest.MonkeyPatch) -> None:
    """The one whose last flood is oldest is forgotten."""
    monkeypatch.setattr(limits, "FLOODS_KNOWN", 3)
    monkeypatch.setattr(limits, "FLOODS_AT_ONCE", 1)
    floods, sessions = Floods(), {name: sessions_of([f"sessionid={name}"]) for name in "abcd"}
    for name in "abacd":
        floods.count(sessions[name])
    assert [name for name in "abcd" if floods.holds(sessions[name])] == ["a", "c", "d"]


@pytest.mark.parametrize(
    "cookies",
    [
        ["theme=dark; sessionid=bad"],
        ["a=b", "sessionid=bad"],
        ["sessionid =bad"],
        [r'sessionid="\142ad"'],
        ["sessionid=bad; sessionid=other"],
        ["sessionid=other; sessionid=bad"],
        ["sessionid=one; sessionid=two; sessionid=bad"],
    ],
)
def test_a_session_is_found_however_it_is_written(cookies: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """The first of several counts in the chat, the last in Django."""
    monkeypatch.setattr(limits, "FLOODS_AT_ONCE", 1)
    floods = Floods()
    floods.count(BAD)
    assert floods.holds(sessions_of(cookies))


@pytest.mark.parametrize("cookies", [[], ["theme=dark"], ["sessionid"], ["xsessionid=bad"], ["sessionid="]])
def test_no_session(cookies: list[str]) -> None:
    """Another cookie is none."""
    assert sessions_of(cookies) == frozenset()


def test_a_long_key_is_compared_as_a_whole() -> None:
    """Signed cookies begin alike, and are as long as what is in them."""
    one, other = (sessions_of([f"sessionid={'x' * 3000}{end}"]) for end in "ab")
    assert one != other
    assert all(len(digest) == 16 for digest in one)


@pytest.fixture
async def strict(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Holding]:
    """A server that holds a session after one flood, and answers at once; nothing fills again, however slow it is."""
    monkeypatch.setattr(limits, "FLOODS_AT_ONCE", 1)
    monkeypatch.setattr(limits, "FLOOD_AGAIN_SECONDS", 3600.0)
    monkeypatch.setattr(limits, "HELD_SECONDS", 0.0)
    async with asyncio.timeout(PATIENCE), holding("prepared") as server:
        server.server.server_state.budget = Budget(per_second=0.001, burst=1000)  # type: ignore[attr-defined]  # Shared's
        yield server


async def status(url: str, session: str) -> int:
    """Ask for a socket and leave it; return the answer to the handshake."""
    try:
        async with connect(url, additional_headers={"Cookie": f"sessionid={session}"}, open_timeout=PATIENCE):
            return 101
    except InvalidStatus as refused:
        return refused.response.status_code


@pytest.mark.parametrize(("frames", "held"), [(0, False), (700, True)])
@pytest.mark.parametrize("way", ["parser", "application"])
async def test_a_flood_with_something_else_wrong_in_it_is_one(
    strict: Holding, frames: int, held: bool, way: str
) -> None:
    """Who sends many frames and then a wrong one is closed for that one; a wrong one alone is no flood."""
    url = f"ws://127.0.0.1:{strict.port}/"
    async with connect(url, additional_headers={"Cookie": "sessionid=bad"}) as socket:
        there = await strict.sockets.get()
        for _ in range(frames):
            await socket.send("x")
        if way == "parser":
            socket.transport.write(b"\xff\xff")
        else:
            while len(there.received) < frames:  # noqa: ASYNC110 (nothing is said of it)
                await asyncio.sleep(0.001)
            there.writer.close(1003)
        await socket.wait_closed()
    assert socket.close_code == {"parser": 1002, "application": 1003}[way]
    assert await status(url, "bad") == (429 if held else 101)


async def test_who_is_held_waits_for_the_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that who comes again at once costs little; others come in meanwhile, and the server's end waits for nobody."""
    monkeypatch.setattr(limits, "FLOODS_AT_ONCE", 1)
    monkeypatch.setattr(limits, "FLOOD_AGAIN_SECONDS", 3600.0)
    monkeypatch.setattr(limits, "HELD_SECONDS", 3600.0)
    async with asyncio.timeout(PATIENCE), holding("prepared") as server:
        url = f"ws://127.0.0.1:{server.port}/"
        async with connect(url, additional_headers={"Cookie": "sessionid=bad"}) as socket:
            with contextlib.suppress(ConnectionClosed):
                for _ in range(2_000):
                    await socket.send("x")
            await socket.wait_closed()
        assert socket.close_code == FLOODING
        waits = asyncio.create_task(status(url, "bad"))
        while not server.server.server_state.connections:  # noqa: ASYNC110 (uvicorn has no event for it)
            await asyncio.sleep(0.001)
        assert await status(url, "good") == 101
        assert not waits.done()
        monkeypatch.setattr(limits, "HELD_SECONDS", 0.0)
        assert await status(url, "bad") == 429
        assert not waits.done()
    assert await waits == 500  # the server ended


@pytest.mark.parametrize("end", [b"\xff\xff", b"\x88\x80\0\0\0\0", b""], ids=["no frame", "close", "gone"])
async def test_what_comes_in_one_piece_with_the_end_counts(strict: Holding, end: bytes) -> None:
    """Who keeps below the budget, and ends in any way before it is used up, is a flood too."""
    url = f"ws://127.0.0.1:{strict.port}/"
    async with connect(url, additional_headers={"Cookie": "sessionid=bad"}) as socket:
        there = await strict.sockets.get()
        socket.transport.write(PING * 300)
        await left(there, 700)
        socket.transport.write(PING * 400 + end)
        if not end:
            await left(there, 300)
            socket.transport.abort()
        await there.ended.wait()
    assert await status(url, "bad") == 429


async def test_who_is_dropped_by_us_did_not_leave(strict: Holding) -> None:
    """A peer that reads nothing is no flood, whatever it sent before."""
    url = f"ws://127.0.0.1:{strict.port}/"
    async with connect(url, additional_headers={"Cookie": "sessionid=good"}) as socket:
        there = await strict.sockets.get()
        socket.transport.write(PING * 600)
        await left(there, 400)
        there.writer.abort()
        await there.ended.wait()
    assert await status(url, "good") == 101


async def left(there: Held, frames: int) -> None:
    """Wait until the server has parsed so many that no more than these may come."""
    while there.writer.protocol._frames.left() > frames + 1:  # type: ignore[attr-defined]  # noqa: ASYNC110
        await asyncio.sleep(0.001)
