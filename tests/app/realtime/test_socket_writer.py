"""Both ways out, on a real server: what a feed does with one it does with the other."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from realtime.frame import Frame
from realtime.socket import TOO_SLOW, Socket
from realtime.socket_writer import AsgiSocketWriter, PreparedSocketWriter
from tests.app.realtime.server import Held, Holding, holding
from tests.waiting import PATIENCE

Until = Callable[[Callable[[], object]], Awaitable[None]]
BLOCK = 16 * 1024


@pytest.fixture(params=["prepared", "plain"])
async def server(request: pytest.FixtureRequest) -> AsyncIterator[Holding]:
    """uvicorn with our protocol, and with its own."""
    async with holding(request.param) as server:
        yield server


Pair = tuple[Held, ClientConnection]


@pytest.fixture
async def pair(server: Holding) -> AsyncIterator[Pair]:
    """A socket, and a real client at its other end."""
    async with connect(f"ws://127.0.0.1:{server.port}/ws/", compression=None, max_queue=None) as client:
        yield await server.sockets.get(), client


async def closed(client: ClientConnection) -> tuple[list[str], int, str]:
    """Read to the end: what came, and the close that the peer sent."""
    async with asyncio.timeout(PATIENCE):
        texts = await read_all(client)
    assert client.close_code is not None, "no close frame came"
    return texts, client.close_code, client.close_reason or ""


async def read_all(client: ClientConnection) -> list[str]:
    """Read until the connection is closed."""
    texts: list[str] = []
    with contextlib.suppress(ConnectionClosed):
        while True:
            texts.append(str(await client.recv()))
    return texts


async def test_each_server_gets_the_best_way(request: pytest.FixtureRequest, pair: Pair) -> None:
    """Finished frames where the server takes them."""
    expected = PreparedSocketWriter if "prepared" in request.node.name else AsgiSocketWriter
    assert type(pair[0].writer) is expected


async def test_texts_arrive_in_order_at_every_size(pair: Pair) -> None:
    """Where the header changes its form, and in any language."""
    held, client = pair
    texts = ["", "ñ 😀", *("x" * size for size in (125, 126, 65_535, 65_536, 200_000)), "end"]
    for text in texts:
        held.writer.write(Frame(text.encode()))
    assert [await asyncio.wait_for(client.recv(), 10) for _ in texts] == texts


async def test_what_was_written_before_a_close_arrives_before_it(pair: Pair) -> None:
    """No byte of payload is lost, the code and reason are ours, and nothing follows."""
    held, client = pair
    for number in range(100):
        held.writer.write(Frame(str(number).encode()))
    held.writer.close(4403, "banned")
    held.writer.close(1000)
    held.writer.write(Frame(b"late"))
    assert await closed(client) == (list(map(str, range(100))), 4403, "banned")
    await asyncio.wait_for(held.ended.wait(), 10)


async def test_the_application_ends_with_a_close_of_its_own(pair: Pair) -> None:
    """It is told at once, whatever the peer does."""
    held, client = pair
    held.writer.close(1012)
    await asyncio.wait_for(held.ended.wait(), 10)
    assert held.received[-1]["code"] == 1012
    assert (await closed(client))[1] == 1012


async def test_frames_come_in_while_frames_go_out(pair: Pair) -> None:
    """And pings are answered between them."""
    held, client = pair
    for number in range(50):
        held.writer.write(Frame(str(number).encode()))
        await client.send(f"from the client {number}")
    await asyncio.wait_for(await client.ping(), 10)
    assert [await asyncio.wait_for(client.recv(), 10) for _ in range(50)] == list(map(str, range(50)))
    while len(held.received) < 50:  # noqa: ASYNC110 (a list)
        await asyncio.sleep(0.001)
    assert held.received[-1]["text"] == "from the client 49"


async def test_a_peer_that_left_is_written_to_silently(pair: Pair) -> None:
    """A feed never sees an exception; the application is told that it ended."""
    held, client = pair
    client.transport.abort()
    await asyncio.wait_for(held.ended.wait(), 10)
    for _ in range(10):
        held.writer.write(Frame(b"x" * BLOCK))
    held.writer.close(1000)
    held.writer.abort()


async def fill(held: Held, until: Until) -> list[Frame]:
    """Write until the peer does not keep up."""
    frames: list[Frame] = []
    while held.writer.is_writable:
        assert len(frames) < 10_000, "it never was full"
        frames.append(Frame(str(len(frames)).encode().ljust(BLOCK)))
        held.writer.write(frames[-1])
        for _ in range(3):
            await asyncio.sleep(0)
    return frames


async def test_a_slow_reader_is_seen_and_seen_to_come_back(server: Holding, until: Until) -> None:
    """Not writable above the limit, told once when there is room, and the bytes are exactly the frames."""
    held, peer = await server.raw(buffer=4 * 1024)
    told: list[bool] = []
    full: list[bool] = []
    held.writer.on_full = lambda: full.append(held.writer.is_writable)
    held.writer.on_writable = lambda: told.append(held.writer.is_writable)
    frames = await fill(held, until)
    assert full == [False]
    await asyncio.sleep(0.05)
    assert not held.writer.is_writable
    assert not told
    expected = b"".join(frame.wire for frame in frames)
    got = b""
    with peer:
        while len(got) < len(expected):
            got += await asyncio.wait_for(asyncio.get_running_loop().sock_recv(peer, 1 << 20), 10)
        assert got == expected
        await until(lambda: held.writer.is_writable)
        assert told == [True]
        held.writer.write(Frame(b"live again"))
        again = await asyncio.wait_for(asyncio.get_running_loop().sock_recv(peer, 100), 10)
        assert again == Frame(b"live again").wire
    await asyncio.wait_for(held.ended.wait(), 10)


async def test_a_reader_that_never_reads_again_is_let_go(until: Until, monkeypatch: pytest.MonkeyPatch) -> None:
    """Closed as too slow, the application ends at once, and the connection soon after (pitfalls G14)."""
    monkeypatch.setattr("realtime.socket.ABORT_SECONDS", 0.1)
    async with holding("prepared") as server:
        held, peer = await server.raw(buffer=4 * 1024)
        with peer:
            socket = Socket(held.writer)
            await fill(held, until)
            assert not socket.check_stuck(0)
            assert socket.check_stuck(1_000)
            assert socket.closing == TOO_SLOW
            await asyncio.wait_for(held.ended.wait(), 10)
            await until(lambda: held.writer.protocol.disconnected)  # type: ignore[attr-defined]


async def test_both_servers_send_the_same_bytes() -> None:
    """Frame by frame, and the close frame too."""
    payloads = [b"", b"x" * 125, b"x" * 126, b"x" * 65_536, "ñ".encode()]
    wires = []
    for protocol in ("prepared", "plain"):
        async with holding(protocol) as server:
            held, peer = await server.raw(buffer=1 << 20)
            with peer:
                for payload in payloads:
                    held.writer.write(Frame(payload))
                held.writer.close(4408, "too slow")
                got = b""
                expected = sum(len(Frame(payload).wire) for payload in payloads) + 2 + 2 + len("too slow")
                while len(got) < expected:
                    got += await asyncio.wait_for(asyncio.get_running_loop().sock_recv(peer, 1 << 20), 10)
                wires.append(got)
    assert wires[0] == wires[1]
    assert wires[0].startswith(b"".join(Frame(payload).wire for payload in payloads))


async def test_what_was_aborted_sends_no_more() -> None:
    """Whatever is still written, or was queued: nobody is there."""
    sent: list[object] = []
    go = asyncio.Event()

    async def send(message: dict[str, object]) -> None:
        sent.append(message.get("text"))
        await go.wait()

    async def turns() -> None:
        for _ in range(5):
            await asyncio.sleep(0)

    writer = AsgiSocketWriter(send)
    writer.write(Frame(b"under way"))
    writer.write(Frame(b"queued"))
    await turns()
    writer.abort()
    await turns()
    writer.write(Frame(b"late"))
    writer.close(1000)
    await turns()
    assert sent == ["under way"]


@pytest.mark.parametrize("sent", [b"\x88\x80\0\0\0\0", b"\xf1\x80\0\0\0\0"], ids=["close", "no frame"])
async def test_who_writes_is_told_of_the_end_before_the_connection_ends(until: Until, sent: bytes) -> None:
    """Once, and as soon as a frame would follow the answer to the peer's close."""
    async with holding("prepared") as server:
        held, peer = await server.raw(buffer=4 * 1024)
        protocol = held.writer.protocol  # type: ignore[attr-defined]
        told: list[bool] = []
        held.writer.on_end = lambda: told.append(protocol.transport.is_closing())
        with peer:
            await asyncio.get_running_loop().sock_sendall(peer, sent)
            await until(lambda: protocol not in protocol.connections)
        assert told == [False]


async def test_who_writes_is_told_of_a_peer_that_vanished(until: Until) -> None:
    """It said nothing before; the connection alone ended."""
    async with holding("prepared") as server:
        held, peer = await server.raw(buffer=4 * 1024)
        told: list[str] = []
        held.writer.on_end = lambda: told.append("ended")
        peer.close()
        await asyncio.wait_for(held.ended.wait(), 10)
        assert told == ["ended"]


async def test_who_writes_is_told_of_the_end_that_we_make(until: Until) -> None:
    """By a close of ours, at once; and by the server's own end, where nobody closed before."""
    async with holding("prepared") as server:
        (one, peer), (other, another) = [await server.raw(buffer=4 * 1024) for _ in range(2)]
        told: list[str] = []
        one.writer.on_end = lambda: told.append("closed")
        protocol = other.writer.protocol  # type: ignore[attr-defined]
        other.writer.on_end = lambda: told.append(f"shut down {protocol.transport.is_closing()}")
        one.writer.close(4403)
        assert told == ["closed"]
    assert told == ["closed", "shut down False"]
    peer.close()
    another.close()


async def test_the_answer_to_a_close_is_read_though_reading_was_paused(until: Until) -> None:
    """uvicorn pauses a peer that sends faster than the application takes; its answer waits behind that."""
    async with holding("prepared") as server:
        server.is_busy = True
        held, peer = await server.raw(buffer=4 * 1024)
        protocol = held.writer.protocol  # type: ignore[attr-defined]
        protocol.close_timeout = 3600.0
        with peer:
            await asyncio.get_running_loop().sock_sendall(peer, b"\x81\x81\0\0\0\0x")
            await until(lambda: protocol.read_paused)
            held.writer.close(1000)
            await asyncio.get_running_loop().sock_sendall(peer, b"\x88\x80\0\0\0\0")
            await until(lambda: protocol not in protocol.connections)


async def test_a_peer_that_answers_no_ping_is_dropped_whatever_it_has_not_read(
    until: Until, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its buffer would be waited for as long as the kernel has it, with all that the socket holds (pitfalls G14)."""
    monkeypatch.setattr("parley_serving.limits.ABORT_SECONDS", 0.1)
    async with holding("prepared", ws_ping_interval=0.05, ws_ping_timeout=0.05) as server:
        held, peer = await server.raw(buffer=4 * 1024)
        protocol = held.writer.protocol  # type: ignore[attr-defined]
        told: list[bool] = []
        held.writer.on_end = lambda: told.append(protocol.transport.is_closing())
        with peer:
            await fill(held, until)
            await until(lambda: protocol not in protocol.connections)
        assert told == [False]
        await asyncio.wait_for(held.ended.wait(), 10)


async def test_what_only_the_handshake_needed_is_let_go() -> None:
    """Some kilobytes for as long as a socket lives; thousands of them idle."""
    async with holding("prepared") as server:
        held, peer = await server.raw(buffer=4 * 1024)
        with peer:
            protocol = held.writer.protocol  # type: ignore[attr-defined]
            assert (protocol.request, protocol.response, protocol.scope["headers"]) == (None, None, [])
