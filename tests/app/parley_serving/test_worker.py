"""The drain of a server: of its own sockets, of those of stock consumers, and of both together."""

import asyncio
import contextlib
import logging
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import AsyncExitStack
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Literal

import pytest
import uvicorn
from prometheus_client import REGISTRY
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from parley_serving import application
from parley_serving.connections import Connections
from parley_serving.drain import BATCH_SECONDS
from parley_serving.protocol import (
    LATE_SECONDS,
    NGINX_CONNECTION_TIME,
    NGINX_WORKER,
    NGINX_WORKERS,
    PreparedProtocol,
    Shared,
)
from parley_serving.worker import DrainingServer
from realtime.frame import Frame
from realtime.process import Process
from realtime.socket import Socket, Sockets
from realtime.socket_writer import socket_writer_for
from tests.app.realtime.server import HANDSHAKE, draining
from tests.checkout import ROOT
from tests.ends import assert_spread, codes, end_of, ends_of, most
from tests.waiting import PATIENCE


async def stock(scope: Any, receive: Any, send: Any) -> None:
    """A stock application: it accepts, and takes what comes."""
    await receive()
    await send({"type": "websocket.accept"})
    while (await receive())["type"] != "websocket.disconnect":
        pass


async def late(scope: Any, receive: Any, send: Any) -> None:
    """A stock application: it hears of the end, and says one thing more."""
    await receive()
    await send({"type": "websocket.accept"})
    await send({"type": "websocket.send", "text": "hello"})
    assert (await receive())["code"] == 1012
    await send({"type": "websocket.send", "text": "too late"})


async def test_sockets_that_nobody_counts_are_closed_with_1012(caplog: pytest.LogCaptureFixture) -> None:
    """With a completed handshake; what the application sends afterwards is no error of anybody's."""
    caplog.set_level(logging.INFO)
    async with draining(late) as (server, url), asyncio.timeout(PATIENCE), connect(url, proxy=None) as client:
        assert await client.recv() == "hello"
        server._begin_drain()
        with pytest.raises(ConnectionClosed) as closed:
            await client.recv()
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 1012
    assert [record.getMessage() for record in caplog.records if record.levelno > logging.INFO] == []
    assert any(record.getMessage().startswith("drain finished sockets=0") for record in caplog.records)


async def many(exits: AsyncExitStack, url: str, number: int, **options: Any) -> list[ClientConnection]:
    """Open so many sockets that say nothing."""
    opening = [connect(url, proxy=None, ping_interval=None, compression=None, **options) for _ in range(number)]
    return list(await asyncio.gather(*(exits.enter_async_context(one) for one in opening)))


async def test_stock_sockets_are_closed_over_the_window() -> None:
    """200 of a consumer that knows no drain."""
    async with AsyncExitStack() as exits, draining(stock) as (server, url):
        clients = await many(exits, url, 200)
        server._begin_drain()
        assert_spread(await ends_of(clients), server.window)


@pytest.fixture
def ours(monkeypatch: pytest.MonkeyPatch) -> Process:
    """A process that knows sockets, and tells them by a text of milliseconds."""

    async def closed() -> None:
        """Nothing else runs."""

    source: Any = SimpleNamespace()
    made = Process(
        sockets=Sockets(),
        layer=None,
        source=source,
        presence_frame=lambda *_: Frame(b""),
        drain_frame=lambda within: Frame(str(within).encode()),
        closed=closed,
    )
    monkeypatch.setattr(application, "running", lambda: made)
    return made


def both(ours: Process) -> Any:
    """Make an application whose sockets under /ours its process knows."""

    async def application(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "websocket.accept"})
        known = Socket(socket_writer_for(scope, send)) if scope["path"] == "/ours" else None
        if known:
            ours.sockets.add(known)
        while (await receive())["type"] != "websocket.disconnect":
            pass
        if known:
            ours.sockets.discard(known)

    return application


async def told(client: ClientConnection) -> float:
    """Wait to be told, leave in the middle of the time given, and return when that was."""
    within = await client.recv()
    await asyncio.sleep(int(within) / 2000)
    await client.close()
    return time.monotonic()


async def test_both_kinds_go_at_the_same_time(ours: Process) -> None:
    """100 of each: each kind is spread over one window, and so are both together; ours are told and not closed."""
    async with AsyncExitStack() as exits, draining(both(ours)) as (server, url):
        mine, others = [], []
        for _ in range(10):  # the oldest go first, whosever they are
            mine += await many(exits, f"{url}/ours", 10)
            others += await many(exits, url, 10)
        server._begin_drain()
        began = time.monotonic()
        leaving = asyncio.gather(*(told(one) for one in mine))
        ends = await ends_of(others)
        left = await asyncio.wait_for(leaving, 20)
        assert_spread(ends, server.window)
        assert max(left) - min(left) > server.window / 2
        assert max(*left, ends[-1].at) - began < server.window + server.close_wait
        together = sorted([*left, *(end.at for end in ends)])
        assert max(sum(at <= other < at + 0.25 for other in together) for at in together) <= 3 * 200 * 0.25 / 2.0


async def test_who_is_told_and_stays_is_closed_at_the_end(ours: Process) -> None:
    """With 1012, by its own socket, which writes no more."""
    async with AsyncExitStack() as exits, draining(both(ours), window=0.5) as (server, url):
        clients = await many(exits, f"{url}/ours", 3)
        await until_open(server, 3)
        sockets = list(ours.sockets)
        server._begin_drain()
        assert codes(await ends_of(clients)) == {1012: 3}
        assert [one.closing for one in sockets] == [1012] * 3


async def test_nobody_is_told_twice(ours: Process) -> None:
    """Who stays to the end reads once that it is to come back, and then that it is closed."""
    async with draining(both(ours), window=0.5) as (server, url), connect(f"{url}/ours", proxy=None) as client:
        await until_open(server, 1)
        server._begin_drain()
        texts = []
        with contextlib.suppress(ConnectionClosed):
            while True:
                texts.append(await asyncio.wait_for(client.recv(), 10))
    assert len(texts) == 1


async def until_open(server: DrainingServer, number: int) -> None:
    """Wait until the server has so many: a client is through with its handshake a little earlier."""
    async with asyncio.timeout(PATIENCE):
        while len(server.connections.open()) != number:  # noqa: ASYNC110 (uvicorn's set has no event)
            await asyncio.sleep(0.01)


@pytest.mark.parametrize("known", [True, False], ids=["ours", "stock"])
async def test_without_a_window_all_are_closed_at_once(ours: Process, known: bool) -> None:
    """stop.drain_seconds may be 0."""
    async with AsyncExitStack() as exits, draining(both(ours), window=0.0) as (server, url):
        clients = await many(exits, f"{url}/ours" if known else url, 20)
        await until_open(server, 20)
        server._begin_drain()
        ends = await ends_of(clients)
        assert codes(ends) == {1012: 20}
        assert most(ends) == 20


async def test_who_is_accepted_in_the_last_moment_is_closed_too() -> None:
    """A consumer that looks at who comes for longer than the window: its socket is not dropped without a word."""
    go = asyncio.Event()

    async def slow(scope: Any, receive: Any, send: Any) -> None:
        await go.wait()
        await stock(scope, receive, send)

    async with draining(slow, window=0.3) as (server, url), AsyncExitStack() as exits:
        coming = asyncio.create_task(exits.enter_async_context(connect(url, proxy=None)))
        async with asyncio.timeout(PATIENCE):
            while not server.connections.all():  # noqa: ASYNC110 (uvicorn's set has no event)
                await asyncio.sleep(0.01)
        assert server.connections.open() == [], "it cannot be told anything yet"
        server._begin_drain()
        asyncio.get_running_loop().call_later(0.6, go.set)
        assert (await end_of(await coming)).code == 1012


@pytest.mark.parametrize("how", ["stop", "reload"])
async def test_who_is_accepted_after_the_window_is_told_first(ours: Process, how: str) -> None:
    """Like everybody else; who leaves then is not closed with 1012, and who stays is."""
    go = asyncio.Event()

    async def slow(scope: Any, receive: Any, send: Any) -> None:
        await go.wait()
        await both(ours)(scope, receive, send)

    async with draining(slow, window=0.3) as (server, url), AsyncExitStack() as exits:
        coming = asyncio.gather(*(exits.enter_async_context(connect(f"{url}/ours", proxy=None)) for _ in range(2)))
        async with asyncio.timeout(PATIENCE):
            while len(server.connections.all()) != 2:  # noqa: ASYNC110 (uvicorn's set has no event)
                await asyncio.sleep(0.01)
        if how == "stop":
            server._begin_drain()
        else:
            server._reloaded(asyncio.get_running_loop().time())
        asyncio.get_running_loop().call_later(0.6, go.set)
        leaves, stays = await coming
        await told(leaves)
        assert leaves.close_code == 1000
        assert 0 < int(await stays.recv()) <= 1000 * BATCH_SECONDS
        assert (await end_of(stays)).code == 1012


@pytest.mark.parametrize("known", [True, False], ids=["ours", "stock"])
async def test_who_is_accepted_when_there_is_no_time_left_is_closed(ours: Process, known: bool) -> None:
    """Nobody is dropped who could still be told: 1012, and no 1006."""
    go = asyncio.Event()

    async def slow(scope: Any, receive: Any, send: Any) -> None:
        await go.wait()
        await both(ours)(scope, receive, send)

    async with draining(slow, window=0.3, close_wait=1.0) as (server, url), AsyncExitStack() as exits:
        path = f"{url}/ours" if known else url
        coming = asyncio.gather(*(exits.enter_async_context(connect(path, proxy=None)) for _ in range(8)))
        async with asyncio.timeout(PATIENCE):
            while len(server.connections.all()) != 8:  # noqa: ASYNC110 (uvicorn's set has no event)
                await asyncio.sleep(0.01)
        server._begin_drain()
        asyncio.get_running_loop().call_later(1.1, go.set)
        assert codes(await ends_of(await coming)) == {1012: 8}


async def test_who_never_answers_the_close_is_dropped(caplog: pytest.LogCaptureFixture) -> None:
    """After close_wait, and the others do not wait for it."""
    caplog.set_level(logging.INFO)
    async with AsyncExitStack() as exits, draining(stock, window=0.5, close_wait=0.5) as (server, url):
        deaf, *clients = await many(exits, url, 5, close_timeout=0.1)
        deaf.transport.pause_reading()
        server._begin_drain()
        assert codes(await ends_of(clients)) == {1012: 4}
    assert any(message.startswith("drain finished sockets=1") for message in caplog.messages)


async def test_a_reload_moves_who_was_there_and_nobody_else() -> None:
    """The server goes on; who comes back through a new worker stays, and who was on an old one's way is closed."""
    async with AsyncExitStack() as exits, draining(stock, window=1.0) as (server, url):
        old: dict[str, Any] = {"additional_headers": {NGINX_WORKER: "10", NGINX_CONNECTION_TIME: "9.000"}}
        new = {"additional_headers": {NGINX_WORKER: "20"}}
        before = await many(exits, url, 50, **old)
        await until_open(server, 50)
        reloads = REGISTRY.get_sample_value("parley_nginx_reloads_total") or 0.0
        server._reloaded(asyncio.get_running_loop().time())
        assert REGISTRY.get_sample_value("parley_nginx_reloads_total") == reloads + 1
        ending = asyncio.create_task(ends_of(before))
        after, late = (await many(exits, url, 10, **new)), (await many(exits, url, 1, **old))
        assert_spread(await ending, server.window)
        assert codes(await ends_of(late)) == {1012: 1}
        for client in after:
            await (await client.ping())
        old["additional_headers"][NGINX_WORKER] = "11"  # whom nobody has met: of two reloads in a row, of the first
        [late_after_the_window] = await many(exits, url, 1, **old)
        assert (await end_of(late_after_the_window)).code == 1012
        assert len(server.connections.open()) == 10


async def test_a_reload_that_is_over_is_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    """A server lives through any number of them."""
    monkeypatch.setattr("parley_serving.worker.LATE_SECONDS", 0.0)
    async with draining(stock, window=0.0) as (server, _):
        server._reloaded(asyncio.get_running_loop().time())
        assert len(server._background) == 1
        async with asyncio.timeout(PATIENCE):
            while server._background:  # noqa: ASYNC110 (it has no event)
                await asyncio.sleep(0.001)


async def test_a_reload_scans_its_sockets_seldom(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each scan asks every socket that the server has."""
    scans = 0

    def are_closed(self: Connections, which: Callable[[PreparedProtocol], bool]) -> bool:
        nonlocal scans
        scans += 1
        return False

    monkeypatch.setattr(Connections, "are_closed", are_closed)
    async with AsyncExitStack() as exits, draining(stock, window=1.0) as (server, url):
        clients = await many(exits, url, 4)
        await until_open(server, 4)
        server._reloaded(asyncio.get_running_loop().time())
        assert codes(await ends_of(clients)) == {1012: 4}
    assert 4 <= scans <= 16


async def test_a_worker_that_stays_is_no_old_one() -> None:
    """Another one crashed, which looks like a reload: who comes back through this one is moved no second time."""
    async with AsyncExitStack() as exits, draining(stock, window=0.5) as (server, url):
        staying: dict[str, Any] = {"additional_headers": {NGINX_WORKER: "11", NGINX_CONNECTION_TIME: "0.001"}}
        before = await many(exits, url, 20, **staying)
        await until_open(server, 20)
        server._reloaded(asyncio.get_running_loop().time())
        await asyncio.sleep(0.01)  # nginx has the next connections for a millisecond
        back = await many(exits, url, 20, **staying)
        assert codes(await ends_of(before)) == {1012: 20}
        back += await many(exits, url, 1, **staying)
        late = {"additional_headers": {NGINX_WORKER: "11", NGINX_CONNECTION_TIME: "9.000"}}
        assert codes(await ends_of(await many(exits, url, 1, **late))) == {1012: 1}
        for client in back:
            await (await client.ping())
        assert len(server.connections.open()) == 21


@pytest.mark.parametrize(
    ("values", "seconds"),
    [
        ([], 0.0),
        (["1.250"], 1.25),
        (["3"], 3.0),
        (["9999.000"], LATE_SECONDS),
        (["1.0", "1.0"], 0.0),
        *(([wrong], 0.0) for wrong in ("", "-1", "1e3", "nan", "inf", " ", "1.", ".5", "1_0", "12345678901", "\u0663")),
    ],
)
async def test_how_long_nginx_had_the_connection(values: list[str], seconds: float) -> None:
    """What is no such number is 0, and one that is too large is cut."""
    headers = [(NGINX_CONNECTION_TIME, value.encode().decode("latin-1")) for value in values]
    async with AsyncExitStack() as exits, draining(stock, window=0.0) as (server, url):
        await many(exits, url, 1, additional_headers=headers)
        [one] = server.connections.all()
        assert one.since - one.accepted == pytest.approx(seconds)


async def test_a_drain_takes_over_from_a_reload() -> None:
    """Stopped in the middle of one: nobody is told twice, everybody goes."""
    async with AsyncExitStack() as exits, draining(stock, window=1.0) as (server, url):
        clients = await many(exits, url, 50)
        await until_open(server, 50)
        server._reloaded(asyncio.get_running_loop().time())
        asyncio.get_running_loop().call_later(0.5, server._begin_drain)
        assert server.connections.are_closed(lambda _: True) is False
        assert codes(await ends_of(clients)) == {1012: 50}
        assert server.connections.are_closed(lambda _: True) is True


@pytest.mark.parametrize("value", ["", "1e3", "-1", "12345678901", "\u0663"])
async def test_what_is_no_process_id_is_no_worker(value: str) -> None:
    """Who speaks to the server past nginx may send anything."""
    headers = {NGINX_WORKER: value.encode().decode("latin-1")}
    async with AsyncExitStack() as exits, draining(stock, window=0.0) as (server, url):
        workers: dict[str, float] = {}
        server.server_state = Shared(workers)
        await many(exits, url, 1, additional_headers=headers)
        assert workers == {}


async def test_workers_are_known_only_where_an_edge_asks_for_them() -> None:
    """Elsewhere the header is anybody's; and so many at most."""
    async with AsyncExitStack() as exits, draining(stock, window=0.0) as (server, url):
        await many(exits, url, 1, additional_headers={NGINX_WORKER: "10"})
        assert server.server_state.nginx_workers is None  # type: ignore[attr-defined]
    workers: dict[str, float] = {}
    shared = Shared(workers)
    for number in range(2 * NGINX_WORKERS):
        shared.met(str(number), 1.0)
        shared.met("0", 2.0)
    assert workers == {str(number): 1.0 for number in range(NGINX_WORKERS)}


async def test_an_edge_shares_the_workers_of_its_server() -> None:
    """Of the handshakes."""
    config = uvicorn.Config(nothing, interface="asgi3", ws=PreparedProtocol, lifespan="off", log_config=None)
    server = DrainingServer(config, window=1.0, close_wait=5.0, edge="unix:nowhere")
    server.server_state.met("10", 1.0)  # type: ignore[attr-defined]
    assert server.edge
    assert server.edge.workers == {"10": 1.0}


SHOWN = """
import asyncio, sys, uvicorn
from prometheus_client import REGISTRY
from parley_serving.worker import DrainingServer

async def main():
    config = uvicorn.Config(None, lifespan="off", log_config=None)
    config.load()
    for _ in range(2):
        server = DrainingServer(config, window=1.0, close_wait=5.0, edge=sys.argv[1])
        server.lifespan = config.lifespan_class(config)
        await server.startup([])
        await server.shutdown()
    print(REGISTRY.get_sample_value("parley_edge"))

asyncio.run(main())
"""


@pytest.mark.parametrize(("edge", "shown"), [("unix:nowhere", "0.0"), ("", "None")])
def test_the_connection_is_measured_only_where_an_edge_is(edge: str, shown: str, tmp_path: Path) -> None:
    """Where there is none, 0 would say that it was lost."""
    done = subprocess.run(
        [sys.executable, "-c", SHOWN, edge],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT / "app")},
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert (done.returncode, done.stdout.strip()) == (0, shown), done.stderr


async def nothing(scope: Any, receive: Any, send: Any) -> None:
    """An application that nobody asks."""


async def served(server: DrainingServer) -> None:
    """Serve on a free port until the drain is over."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        async with asyncio.timeout(PATIENCE):
            await server._serve(sockets=[listener])


@pytest.mark.parametrize("lifespan", ["off", "auto"])
async def test_signal_before_the_start_is_not_forgotten(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch, lifespan: Literal["off", "auto"]
) -> None:
    """gunicorn sends one, and then waits for as long as a drain may take; the last line says how long it took."""
    caplog.set_level(logging.INFO)
    monkeypatch.setattr("parley_serving.worker.time", SimpleNamespace(monotonic=iter([100.0, 107.5]).__next__))
    config = uvicorn.Config(nothing, interface="asgi3", ws=PreparedProtocol, lifespan=lifespan, log_config=None)
    server = DrainingServer(config, window=1.0, close_wait=5.0)
    server.handle_exit(signal.SIGTERM, None)
    await served(server)
    assert caplog.messages[-1] == "drain finished sockets=0 seconds=7.5"


async def test_a_signal_while_the_application_starts_drains_when_it_has() -> None:
    """Its lifespan may take long, and there is nothing yet that a drain could close."""

    async def slow(scope: Any, receive: Any, send: Any) -> None:
        assert scope["type"] == "lifespan"
        await receive()
        server.handle_exit(signal.SIGTERM, None)
        await asyncio.sleep(0)  # what the signal called has its turn
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await send({"type": "lifespan.shutdown.complete"})

    config = uvicorn.Config(slow, interface="asgi3", ws=PreparedProtocol, lifespan="on", log_config=None)
    server = DrainingServer(config, window=1.0, close_wait=5.0)
    await served(server)
    assert server.should_exit


async def test_process_that_cannot_stop_does_not_keep_the_server(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its error is told, and the worker ends."""

    class Stuck:
        is_draining = False

        async def stop(self) -> None:
            raise RuntimeError("a database that cannot be closed")

    monkeypatch.setattr(application, "running", Stuck)
    config = uvicorn.Config(nothing, interface="asgi3", ws=PreparedProtocol, lifespan="off", log_config=None)
    server = DrainingServer(config, window=1.0, close_wait=5.0)
    asyncio.get_running_loop().call_later(0.1, server._begin_drain)
    with pytest.raises(RuntimeError, match="cannot be closed"):
        await served(server)


async def test_signals_drain_once_and_the_listener_goes_first(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A refused connection is what sends the next client elsewhere (pitfalls L1); what is drained is stopped, once."""
    caplog.set_level(logging.INFO)
    did: list[str] = []

    class Process:
        def __setattr__(self, name: str, value: object) -> None:
            assert not any(listener.is_serving() for listener in server.servers)
            did.append(f"{name} {value}")

        async def stop(self) -> None:
            did.append("stop")

    monkeypatch.setattr(application, "running", Process)
    config = uvicorn.Config(nothing, interface="asgi3", ws=PreparedProtocol, lifespan="off", log_config=None)
    server = DrainingServer(config, window=1.5, close_wait=5.0)
    serving = asyncio.create_task(served(server))
    while not server.started:  # noqa: ASYNC110 (uvicorn has no event for it)
        await asyncio.sleep(0.001)
    assert server.servers[0].is_serving()
    for number in (signal.SIGTERM, signal.SIGQUIT):
        server.handle_exit(number, None)
    await asyncio.sleep(0)
    assert server._drain is not None
    server._begin_drain()
    await serving
    assert did == ["is_draining True", "stop"]
    assert sum(message.startswith("drain finished") for message in caplog.messages) == 1


async def deaf(scope: Any, receive: Any, send: Any) -> None:
    """Write more than any buffer takes."""
    await receive()
    await send({"type": "websocket.accept"})
    with contextlib.suppress(OSError):
        while True:
            await send({"type": "websocket.send", "bytes": b"x" * 65_536})


async def test_who_reads_nothing_is_dropped_after_the_wait(caplog: pytest.LogCaptureFixture) -> None:
    """A close behind a full buffer is never answered: it is counted as cut, and the server ends."""
    caplog.set_level(logging.INFO)
    listener = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(deaf, interface="asgi3", ws=PreparedProtocol, lifespan="off", log_config=None)
    server = DrainingServer(config, window=0.1, close_wait=0.2)
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    async with asyncio.timeout(PATIENCE):
        reader, writer = await asyncio.open_connection(*listener.getsockname(), limit=1024)
        writer.write(HANDSHAKE)
        assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 101")
        while not any(not one.is_writable for one in server.connections.all()):  # noqa: ASYNC110 (uvicorn has no event)
            await asyncio.sleep(0.001)
        server._begin_drain()
        await serving
        writer.close()
    listener.close()
    [finished] = [message for message in caplog.messages if message.startswith("drain finished")]
    assert finished.startswith("drain finished sockets=1 ")
