"""What a connection may make the server parse, on a real server: counts and codes, never times."""

import asyncio
import contextlib
import itertools
import logging
import os
import socket
import subprocess
import sys
from typing import Any

import pytest
from prometheus_client import REGISTRY
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.asyncio.client import connect

from parley_serving import limits, metrics
from parley_serving.budget import Budget, Purse
from parley_serving.intake import FLOODING
from parley_serving.protocol import PreparedProtocol
from tests.app.realtime.server import Held, Holding, draining, holding
from tests.checkout import ROOT
from tests.waiting import PATIENCE

PING, PONG, EMPTY, MORE = b"\x89\x80\0\0\0\0", b"\x8a\x80\0\0\0\0", b"\x81\x80\0\0\0\0", b"\x00\x80\0\0\0\0"
FIRST = b"\x01\x80\0\0\0\0"  # a text that goes on
PIECE = b"\x00\x81\0\0\0\0x"
BUDGET = Budget.above()
FLOOD = 20_000  # frames: far above every budget
WHOLE = 60  # of the largest frames that come at once


def text(payload: bytes) -> bytes:
    """One text frame, masked with zeros."""
    size = b"\xfe" + len(payload).to_bytes(2) if len(payload) < 1 << 16 else b"\xff" + len(payload).to_bytes(8)
    return b"\x81" + size + bytes(4) + payload


async def answer(peer: socket.socket) -> bytes:
    """Read until the server ends the connection, as a browser does."""
    got = b""
    async with asyncio.timeout(PATIENCE):
        while data := await asyncio.get_running_loop().sock_recv(peer, 1 << 16):
            got += data
    return got


def code_of(got: bytes) -> int:
    """Return the code of the close frame that ends an answer without a reason."""
    assert got[-4:-2] == b"\x88\x02", got[-40:]
    return int.from_bytes(got[-2:])


def protocol_of(held: Held) -> PreparedProtocol:
    """Return the server's end."""
    protocol: PreparedProtocol = held.writer.protocol  # type: ignore[attr-defined]
    return protocol


class Parsed:
    """How many frames a server has parsed, and of how many bytes."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.frames = 0
        self.bytes = 0
        self.largest = 0
        real = WebSocketsSansIOProtocol.__init__

        def counted(protocol: Any, *args: Any) -> None:
            real(protocol, *args)
            receive, conn = protocol.conn.receive_data, protocol.conn

            def count(data: bytes) -> None:
                before = len(conn.events)
                receive(data)
                if protocol.handshake_initiated:
                    self.frames += len(conn.events) - before
                    self.bytes += len(data)
                    self.largest = max(self.largest, len(data))

            conn.receive_data = count

        monkeypatch.setattr(WebSocketsSansIOProtocol, "__init__", counted)


@pytest.mark.parametrize("frame", [PING, PONG, EMPTY, PIECE], ids=["ping", "pong", "empty", "fragment"])
async def test_a_flood_of_any_frame_is_closed(
    frame: bytes, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """With the code, the metric and the line; what is parsed of it is bounded, after the close too."""
    parsed = Parsed(monkeypatch)
    before = metrics.EVENTS["flooded"]._value.get()
    async with holding("prepared") as server:
        held, peer = await server.raw(buffer=1 << 20)
        with peer:
            start = FIRST if frame == PIECE else b""
            await asyncio.get_running_loop().sock_sendall(peer, start + frame * FLOOD)
            got = await answer(peer)
        await asyncio.wait_for(held.ended.wait(), 10)
    assert code_of(got) == FLOODING
    assert held.received[-1] == {"type": "websocket.disconnect", "code": FLOODING, "reason": ""}
    assert parsed.frames < 2 * BUDGET.burst
    assert parsed.largest <= limits.SLICE_BYTES
    assert metrics.EVENTS["flooded"]._value.get() == before + 1
    [line] = [record for record in caplog.records if record.levelno >= logging.WARNING]
    assert "a socket is closed for flooding: too many f" in line.getMessage()
    assert line.__dict__["address"] == "127.0.0.1"


@pytest.mark.parametrize("is_in_pieces", [False, True], ids=["frames", "fragments"])
async def test_a_flood_of_bytes_is_closed(
    is_in_pieces: bool, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """In few frames, of which there may be many more: with the code, the metric, and a line that says why."""
    parsed = Parsed(monkeypatch)
    before = metrics.EVENTS["flooded"]._value.get()
    whole = text(b"x" * 60_000)
    frame = b"\x01" + whole[1:] + b"\x80" + whole[1:] if is_in_pieces else whole
    number = 2 * WHOLE
    async with holding("prepared") as server:
        held, peer = await server.raw(buffer=1 << 20)
        with peer:
            await asyncio.get_running_loop().sock_sendall(peer, frame * number)
            got = await answer(peer)
        await asyncio.wait_for(held.ended.wait(), 10)
    assert code_of(got) == FLOODING
    assert held.received[-1] == {"type": "websocket.disconnect", "code": FLOODING, "reason": ""}
    assert WHOLE <= parsed.frames < number
    assert metrics.EVENTS["flooded"]._value.get() == before + 1
    [line] = [record for record in caplog.records if record.levelno >= logging.WARNING]
    assert line.getMessage() == "a socket is closed for flooding: too many bytes"
    assert line.__dict__["address"] == "127.0.0.1"


async def test_the_largest_frames_are_taken_by_the_dozen() -> None:
    """The protocol promises clients 64 KiB: five dozen at once are no flood."""
    async with holding("prepared") as server:
        held, peer = await connected(server)
        with peer:
            await asyncio.get_running_loop().sock_sendall(peer, text(b"x" * limits.FRAME_BYTES) * WHOLE)
            assert len(await taken(held, WHOLE)) == WHOLE


async def test_empty_fragments_are_few() -> None:
    """Each is kept until the message ends."""
    async with holding("prepared") as server:
        held, peer = await server.raw(buffer=1 << 20)
        with peer:
            await asyncio.get_running_loop().sock_sendall(peer, FIRST + MORE * (limits.EMPTY_FRAGMENTS + 1))
            assert code_of(await answer(peer)) == FLOODING
    assert protocol_of(held).frames == []


async def test_who_floods_on_is_dropped(monkeypatch: pytest.MonkeyPatch) -> None:
    """A peer that goes on after the close is read no more, and not waited for."""
    monkeypatch.setattr(limits, "ABORT_SECONDS", 3600.0)
    monkeypatch.setattr(limits, "LINGER_READS", 10)
    loop = asyncio.get_running_loop()
    async with holding("prepared") as server:
        held, peer = await server.raw(buffer=1 << 20)
        with peer:
            async with asyncio.timeout(PATIENCE):
                with contextlib.suppress(ConnectionError):
                    while True:
                        await loop.sock_sendall(peer, PING * FLOOD)
        assert limits.LINGER_READS < protocol_of(held)._discarded < 2 * limits.LINGER_READS + 256 // 16


async def test_after_a_close_of_ours_the_budget_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    """Frames under way are no flood; a flood that goes on is read no more, and gets the code of the first close."""
    parsed = Parsed(monkeypatch)
    async with holding("prepared") as server:
        held, peer = await server.raw(buffer=1 << 20)
        with peer:
            held.writer.close(4403)
            await asyncio.get_running_loop().sock_sendall(peer, EMPTY * FLOOD)
            got = await answer(peer)
    assert got.startswith(b"\x88\x02" + (4403).to_bytes(2))
    assert parsed.frames < 2 * BUDGET.burst


async def taken(held: Held, number: int) -> list[str]:
    """Wait until the application has so many messages, and return them."""
    async with asyncio.timeout(PATIENCE):
        while len(held.received) < number:  # noqa: ASYNC110 (a list)
            await asyncio.sleep(0.001)
    return [message["text"] for message in held.received]


async def connected(server: Holding) -> tuple[Held, socket.socket]:
    """Return both ends of a connection that sends much."""
    return await server.raw(buffer=1 << 20)


@pytest.mark.parametrize("size", [1, 100, limits.SLICE_BYTES - 7, limits.SLICE_BYTES * 3 + 1, 60_000])
async def test_messages_in_slices_are_whole_and_in_order(size: int) -> None:
    """Whatever is cut where, and whatever the application does meanwhile."""
    texts = [f"{number:03d}".encode().ljust(size, b".") for number in range(300)]
    async with holding("prepared") as server:
        held, peer = await connected(server)
        held.writer.allow(300 * 16)  # frames of the largest size: above what anybody may send
        with peer:
            await asyncio.get_running_loop().sock_sendall(peer, b"".join(map(text, texts)))
            assert await taken(held, len(texts)) == [one.decode() for one in texts]


async def test_the_answer_to_a_close_behind_a_backlog_is_read() -> None:
    """The connection ends with the peer's close frame, not with a timer."""
    async with holding("prepared") as server:
        held, peer = await connected(server)
        protocol_of(held).close_timeout = 3600.0
        with peer:
            sending = text(b"x" * 60_000) * 20 + b"\x88\x82\0\0\0\0" + (4000).to_bytes(2)
            await asyncio.get_running_loop().sock_sendall(peer, sending)
            await taken(held, 1)
            held.writer.close(4000)
            await answer(peer)


async def test_others_get_their_turn_between_two_slices(monkeypatch: pytest.MonkeyPatch) -> None:
    """What comes in one read is not parsed in one turn, nor a slice of each connection that sends as much."""
    monkeypatch.setattr(limits, "SLICES_SECONDS", 0.0)  # one slice, however fast the machine is
    turns: list[int] = []
    parsed = Parsed(monkeypatch)
    async with holding("prepared") as server, contextlib.AsyncExitStack() as exits:
        loop = asyncio.get_running_loop()
        those = [await connected(server) for _ in range(10)]
        for _, peer in those:
            exits.enter_context(peer)

        def turn() -> None:
            turns.append(parsed.bytes)
            loop.call_soon(turn)

        loop.call_soon(turn)
        for _, peer in those:
            await loop.sock_sendall(peer, text(b"x" * 100) * 500)
        await asyncio.gather(*(taken(held, 500) for held, _ in those))
    assert parsed.bytes >= 10 * 500 * 100
    most = max(after - before for before, after in itertools.pairwise(turns))
    assert most <= limits.SLICE_BYTES + 10 * limits.AT_ONCE_BYTES


async def test_what_the_application_asked_for_is_no_flood() -> None:
    """A client that sends again what it has: above the budget, by as many as the application allows."""
    number = int(BUDGET.burst) + 500
    async with holding("prepared") as server:
        held, peer = await connected(server)
        held.writer.allow(1000)
        with peer:
            await asyncio.get_running_loop().sock_sendall(peer, text(b"again") * number)
            assert len(await taken(held, number)) == number


async def test_what_the_application_asked_for_may_be_long() -> None:
    """As many bytes on top as so many frames have on average."""
    number = 2 * WHOLE
    async with holding("prepared") as server:
        held, peer = await connected(server)
        held.writer.allow(1000)
        with peer:
            await asyncio.get_running_loop().sock_sendall(peer, text(b"x" * 60_000) * number)
            assert len(await taken(held, number)) == number


def test_what_was_given_is_paid_with_what_is_left() -> None:
    """Together they are enough."""
    purse = Purse(rate=1e-9, burst=50)
    purse.given = 40
    assert purse.lacks(91)
    assert not purse.lacks(90)
    assert purse.lacks(1)


async def test_each_server_has_a_budget_of_its_own() -> None:
    """The worker gives what is above the configured frames (gunicorn.conf.py)."""

    async def deaf(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "websocket.accept"})
        while (await receive())["type"] != "websocket.disconnect":
            pass

    budget = Budget(per_second=0.001, burst=5)
    async with draining(deaf, window=0.0, budget=budget) as (_, url), connect(url, proxy=None) as client:
        for _ in range(5):
            await asyncio.wait_for(await client.ping(), 10)
        await client.ping()
        await asyncio.wait_for(client.wait_closed(), 20)
        assert client.close_code == FLOODING


def test_a_worker_has_the_budget_of_its_configuration() -> None:
    """What gunicorn reads, by the environment that is rendered for it."""
    code = "import runpy; print(runpy.run_path('gunicorn.conf.py')['Worker'].budget)"
    env = os.environ | {"PARLEY_ENV": "test", "PARLEY_FRAMES_PER_SECOND": "1000", "PARLEY_BURST": "2000"}
    env["PARLEY_FRAME_BYTES"] = "1048576"
    command = [sys.executable, "-c", code]
    printed = subprocess.run(
        command, cwd=ROOT / "app", env=env, capture_output=True, text=True, timeout=PATIENCE, check=True
    )
    assert printed.stdout.strip() == repr(Budget(1100.0, 2800.0, limits.FRAGMENTS, 65_536.0))


async def test_a_message_in_many_pieces_is_whole() -> None:
    """A browser that cuts at 256 bytes is no attacker."""
    async with holding("prepared") as server:
        held, peer = await connected(server)
        with peer:
            pieces = FIRST + PIECE * (limits.FRAGMENTS - 2) + b"\x80\x80\0\0\0\0"
            await asyncio.get_running_loop().sock_sendall(peer, pieces)
            assert await taken(held, 1) == ["x" * (limits.FRAGMENTS - 2)]


async def test_a_text_that_is_no_utf_8_is_closed_with_one_line(caplog: pytest.LogCaptureFixture) -> None:
    """1007, counted, and no traceback: a peer causes it, and no code is wrong."""
    before = REGISTRY.get_sample_value("parley_malformed_total") or 0
    async with holding("prepared") as server:
        held, peer = await connected(server)
        with peer:
            await asyncio.get_running_loop().sock_sendall(peer, text(b"\xff\xfe"))
            assert code_of(await answer(peer)) == 1007
        await asyncio.wait_for(held.ended.wait(), 10)
    [line] = [record for record in caplog.records if record.levelno >= logging.WARNING]
    assert (line.getMessage(), line.exc_info) == ("a socket is closed for what it sent: a text that is not UTF-8", None)
    assert held.received[-1]["code"] == 1007
    assert REGISTRY.get_sample_value("parley_malformed_total") == before + 1


@pytest.mark.parametrize("size", [1 << 20, 8 << 20])
async def test_the_close_of_a_large_frame_arrives(size: int) -> None:
    """A server that ends with unread input sends a reset, and the peer never reads why."""
    loop = asyncio.get_running_loop()
    async with holding("prepared", ws_max_size=65_536) as server:
        for _ in range(3):
            _, peer = await connected(server)
            with peer:
                await loop.sock_sendall(peer, b"\x81\xff" + size.to_bytes(8) + bytes(4 + size))
                got = await answer(peer)
            assert int.from_bytes(got[2:4]) == 1009


async def test_no_more_is_parsed_than_the_application_takes() -> None:
    """What came waits as bytes until then: a flood costs no memory for messages, and its senders take turns."""
    async with holding("prepared") as server:
        server.is_busy = True
        held, peer = await connected(server)
        protocol = protocol_of(held)
        with peer:
            await asyncio.get_running_loop().sock_sendall(peer, text(b"x" * 100) * 900)
            async with asyncio.timeout(PATIENCE):
                while not protocol.queue.qsize():  # noqa: ASYNC110 (nothing is said of it)
                    await asyncio.sleep(0)
            for _ in range(20):
                await asyncio.sleep(0)
            assert 0 < protocol.queue.qsize() <= limits.SLICE_BYTES // 100
            for _ in range(900):
                async with asyncio.timeout(PATIENCE):
                    assert (await protocol.receive())["text"] == "x" * 100
        async with asyncio.timeout(PATIENCE):
            assert (await protocol.receive())["type"] == "websocket.disconnect"


async def test_others_have_their_turn_while_an_application_takes_what_waits() -> None:
    """A queue that is not empty makes nobody wait."""
    turns: list[int] = []
    async with holding("prepared") as server:
        held, peer = await connected(server)
        loop = asyncio.get_running_loop()

        def turn() -> None:
            turns.append(len(held.received))
            loop.call_soon(turn)

        with peer:
            loop.call_soon(turn)
            await loop.sock_sendall(peer, text(b"x") * 500)
            await taken(held, 500)
    assert max(after - before for before, after in itertools.pairwise(turns)) <= limits.MESSAGES_IN_A_ROW + 1
