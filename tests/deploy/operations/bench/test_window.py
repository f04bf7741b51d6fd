"""The generator against a server of the test's own, which can lose, repeat and hang up."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest
from websockets.asyncio.server import ServerConnection, serve

from deploy.operations.bench.load import window as windows
from deploy.operations.bench.load.clients import LoadClients
from deploy.operations.bench.load.delivery_account import LostError
from deploy.operations.bench.load.member import RefusedError
from deploy.operations.bench.load.plan import Endpoint, Plan
from deploy.operations.bench.load.window import Window

MEMBERS = 8
Deliver = Callable[[int, int], int]  # (message's number, member) → how often it is written


@asynccontextmanager
async def clients(deliver: Deliver = lambda *_: 1, *, browser: bool = False) -> AsyncIterator[LoadClients]:
    """Bring a clients to a server of the floor's dialect that writes each message as often as `deliver` says."""
    sockets: list[ServerConnection] = []

    async def handle(socket: ServerConnection) -> None:
        sockets.append(socket)
        async for text in socket:
            for member, other in enumerate(sockets):
                times = deliver(int(text[:8]), member)
                if times < 0:
                    await other.close(1011)
                for _ in range(times):
                    await other.send(text)

    compression = "deflate" if browser else None
    async with serve(handle, "127.0.0.1", 0, compression=compression, close_timeout=0.1) as server:
        port = server.sockets[0].getsockname()[1]
        where = [Endpoint(port=port)]
        plan = Plan(
            "fanout",
            "floor",
            where,
            ["a=b"],
            "localhost",
            "http://localhost",
            {},
            MEMBERS,
            browser=browser,
            connecting=1,
        )
        clients = LoadClients(plan)
        try:
            await clients.arrive(MEMBERS)
            yield clients
        finally:
            clients.cut(clients.members)


async def load(clients: LoadClients, in_flight: int = 4) -> dict[str, float]:
    """Keep messages in flight for a moment."""
    return await Window(clients).closed(in_flight=in_flight, seconds=0.2, trigger="delivered")


@pytest.mark.parametrize("browser", [False, True])
async def test_all_deliveries_are_counted(browser: bool) -> None:
    """Each message reaches each member once, compressed or not."""
    async with clients(browser=browser) as all_members:
        result = await load(all_members)
    assert result["messages"] >= 4
    assert result["deliveries"] == result["messages"] * MEMBERS
    assert result["frames_per_message"] == 1.0
    assert 0 < result["p50_ms"] <= result["p99_ms"]


async def test_one_missing_delivery_ends_the_run(monkeypatch: pytest.MonkeyPatch) -> None:
    """A single one that does not come is an error with its number, and no figure."""
    monkeypatch.setattr(windows, "PATIENCE_SECONDS", 2.0)
    async with clients(lambda number, member: int((number, member) != (3, 5))) as all_members:
        with pytest.raises(LostError, match="1 deliveries are missing"):
            await load(all_members, in_flight=4)


async def test_second_delivery_ends_the_run() -> None:
    """So is one that comes twice."""
    async with clients(lambda number, member: 2 if (number, member) == (3, 5) else 1) as all_members:
        with pytest.raises(LostError, match="member"):
            await load(all_members)


async def test_socket_that_is_closed_ends_the_run() -> None:
    """Nobody asked the server to hang up."""
    async with clients(lambda number, member: -1 if (number, member) == (3, 5) else 1) as all_members:
        with pytest.raises(LostError, match=r"ended its socket \(1011\)"):
            await load(all_members)


async def test_paced_load_keeps_its_rate() -> None:
    """An open loop sends what was asked for, and makes up for what it was late with."""
    async with clients() as all_members:
        result = await Window(all_members).paced(rate=100, seconds=2.0)
    assert 150 <= result["messages"] <= 200
    assert result["deliveries"] == result["messages"] * MEMBERS


async def test_refused_handshake_has_its_status() -> None:
    """An HTTP answer that is no upgrade is told as what it is."""

    async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n")
        writer.close()

    async with await asyncio.start_server(refuse, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        plan = Plan("storm", "floor", [Endpoint(port=port)], ["a=b"], "localhost", "http://localhost", {}, MEMBERS)
        with pytest.raises(ExceptionGroup) as failed:
            await LoadClients(plan).arrive(MEMBERS)
    assert failed.group_contains(RefusedError, match="refused with 503")
