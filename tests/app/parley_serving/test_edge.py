"""How a process learns of nginx's reload: against a server that answers as a worker of nginx does."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from parley_serving.edge import KEEPALIVE, NO_NAME_SECONDS, OVERLAP_SECONDS, Edge, word
from tests.waiting import PATIENCE

LONG_AGO = -10 * OVERLAP_SECONDS


class Nginx:
    """One listener; `worker` is who answers."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.worker: str | None = "10"
        self.held: list[asyncio.StreamWriter] = []
        self.asked = asyncio.Event()

    async def start(self) -> None:
        self.server = await asyncio.start_unix_server(self._answer, self.path)

    async def stop(self) -> None:
        """Close the listener, then what is held."""
        self.server.close()
        self.path.unlink(missing_ok=True)  # asyncio removes it itself from Python 3.13 on
        self.end()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        if self.worker is None:  # no connection is free in it
            writer.close()
        else:
            writer.write(f"HTTP/1.1 204 No Content\r\nServer: nginx\r\nX-Nginx-Worker: {self.worker}\r\n\r\n".encode())
            self.held.append(writer)
        self.asked.set()

    async def until_asked(self) -> None:
        async with asyncio.timeout(PATIENCE):
            await self.asked.wait()
        self.asked.clear()

    def end(self) -> None:
        """End the idle connections."""
        for writer in self.held:
            writer.close()
        self.held.clear()


class Heard:
    """What the edge said, as it says it."""

    def __init__(self) -> None:
        self.left: list[float] = []
        self.told = asyncio.Event()

    def __call__(self, moment: float) -> None:
        self.left.append(moment)
        self.told.set()

    async def until_told(self) -> None:
        async with asyncio.timeout(PATIENCE):
            await self.told.wait()
        self.told.clear()


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE):
        while not condition():  # noqa: ASYNC110 (it has no event)
            await asyncio.sleep(0.005)


@pytest.fixture
def heard() -> Heard:
    """Everything that the edge said."""
    return Heard()


@pytest.fixture
async def nginx(tmp_path: Path) -> AsyncIterator[Nginx]:
    """An nginx with worker 10, which is there."""
    nginx = Nginx(tmp_path / "edge.sock")
    await nginx.start()
    yield nginx
    nginx.server.close()
    nginx.end()


@pytest.fixture
async def edge(nginx: Nginx, heard: Heard) -> AsyncIterator[Edge]:
    """An edge that is connected, and has known the worker for long."""
    edge = Edge(f"unix:{nginx.path}", {}, left=heard)
    task = asyncio.create_task(edge.run())
    await nginx.until_asked()
    await until(lambda: edge.is_connected)
    edge.workers["10"] += LONG_AGO
    yield edge
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task


async def test_a_new_worker_answers_after_a_reload(edge: Edge, nginx: Nginx, heard: Heard) -> None:
    """The old ones are forgotten, as far as a socket or the edge met them; a second reload is another."""
    loop = asyncio.get_running_loop()
    edge.workers |= {"11": loop.time() + LONG_AGO, "21": loop.time()}  # 21: a socket was faster than the edge
    before = loop.time()
    nginx.worker = "20"
    nginx.end()
    await heard.until_told()
    [moment] = heard.left
    assert before <= moment <= loop.time()
    assert edge.workers.keys() == {"20", "21"}
    await until(lambda: edge.is_connected)
    nginx.worker = "30"
    nginx.end()
    await heard.until_told()
    assert len(heard.left) == 2


async def test_readiness_has_a_word_for_it(edge: Edge, nginx: Nginx) -> None:
    """A rollout waits for it before a reload can come: what is not noticed cuts sockets."""
    assert word() == "ok"
    await nginx.stop()
    await until(lambda: word() == "away")
    await nginx.start()
    await until(lambda: word() == "ok")


async def test_where_there_is_no_edge_there_is_no_word() -> None:
    """A project behind no nginx of ours, or `dev`."""
    assert word() == ""


@pytest.mark.parametrize("answering", ["10", "11"])
async def test_an_nginx_with_too_few_connections_ends_idle_ones(
    edge: Edge, nginx: Nginx, heard: Heard, answering: str
) -> None:
    """An old worker answers: nobody was told to leave, and nobody is moved."""
    edge.workers["11"] = asyncio.get_running_loop().time() + LONG_AGO
    nginx.worker = answering
    nginx.asked.clear()
    nginx.end()
    await nginx.until_asked()
    await until(lambda: edge.is_connected)
    assert heard.left == []


async def test_an_old_worker_that_takes_long_to_leave(edge: Edge, nginx: Nginx, heard: Heard) -> None:
    """The new one took handshakes long before the old one ended: it came after the connection began, all the same."""
    now = asyncio.get_running_loop().time()
    edge._held = ("10", now - 8 * OVERLAP_SECONDS)
    edge.workers |= {"11": now + LONG_AGO, "20": now - 2 * OVERLAP_SECONDS}
    nginx.worker = "20"
    nginx.end()
    await heard.until_told()
    assert len(heard.left) == 1
    assert edge.workers.keys() == {"20"}


async def test_the_same_worker_answers_soon_after_the_start(edge: Edge, nginx: Nginx, heard: Heard) -> None:
    """One that has only just been seen, and that had the connection: it was short of connections, and stays."""
    edge.workers["10"] = asyncio.get_running_loop().time()
    nginx.asked.clear()
    nginx.end()
    await nginx.until_asked()
    await until(lambda: edge.is_connected)
    assert heard.left == []


async def test_a_failure_of_any_kind_does_not_end_it(
    edge: Edge, nginx: Nginx, heard: Heard, caplog: pytest.LogCaptureFixture
) -> None:
    """Neither an answer without an end, nor a fault of whoever is told; it is said, and the next reload is noticed."""

    def broken(_moment: float) -> None:
        raise RuntimeError("a fault of the drain")

    edge._left, told = broken, edge._left
    nginx.worker = "20"
    nginx.end()
    await until(lambda: "a fault of the drain" in caplog.text)
    await until(lambda: edge.is_connected)
    edge._left = told
    nginx.worker = "1" * 100_000
    nginx.end()
    await until(lambda: "LimitOverrunError" in caplog.text)
    nginx.worker = "30"
    await heard.until_told()


async def test_a_name_that_nobody_knows_is_asked_for_seldom(
    heard: Heard, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Compose's edge, while it is not there: each question takes a thread of the pool. It is no failure to tell of."""
    pauses: list[float] = []

    async def sleep(seconds: float) -> None:
        pauses.append(seconds)
        raise asyncio.CancelledError

    async def connect() -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    edge = Edge("edge:8081", {}, left=heard)
    monkeypatch.setattr(edge, "_connect", connect)
    with monkeypatch.context() as patch:
        patch.setattr(asyncio, "sleep", sleep)
        with pytest.raises(asyncio.CancelledError):
            await edge.run()
    assert pauses == [NO_NAME_SECONDS]
    assert (heard.left, caplog.text) == ([], "")


async def test_what_is_not_answered_is_asked_again(edge: Edge, nginx: Nginx, heard: Heard) -> None:
    """What the end meant is known when somebody answers. Its moment is then that of the last one that left.

    Of two reloads in a row, the worker of the first may be told to leave before it has answered.
    """
    loop = asyncio.get_running_loop()
    nginx.worker = None
    nginx.asked.clear()
    nginx.end()
    for _ in range(2):
        asked = loop.time()
        await nginx.until_asked()
    assert heard.left == []
    nginx.worker = "20"
    await heard.until_told()
    assert asked < heard.left[0] < loop.time()


async def test_an_answer_without_a_worker_is_none(nginx: Nginx, heard: Heard) -> None:
    """Something else listens there, or an nginx of another configuration: it is asked again, and nobody is known."""
    nginx.worker = "unknown"
    edge = Edge(f"unix:{nginx.path}", {}, left=heard)
    task = asyncio.create_task(edge.run())
    for _ in range(2):
        await nginx.until_asked()
    assert (edge.is_connected, edge.workers) == (False, {})
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task


async def test_nobody_listens_when_nginx_is_stopped(edge: Edge, nginx: Nginx, heard: Heard) -> None:
    """It keeps its sockets for worker_shutdown_timeout then, too. The next one's workers may have the same numbers."""
    await nginx.stop()
    await heard.until_told()
    assert len(heard.left) == 1
    assert edge.workers == {}
    await nginx.start()
    nginx.asked.clear()
    await nginx.until_asked()
    await until(lambda: edge.is_connected)
    assert edge.workers["10"] > asyncio.get_running_loop().time() - 10
    assert len(heard.left) == 1


async def test_an_instance_that_starts_before_nginx_waits_for_it(tmp_path: Path, heard: Heard) -> None:
    """The first answer is no reload; and over TCP as well."""
    edge = Edge("127.0.0.1:1", {}, left=heard)
    with pytest.raises(ConnectionRefusedError):
        await edge._hold()
    edge._refused()
    nginx = Nginx(tmp_path / "unused")
    server = await asyncio.start_server(nginx._answer, "127.0.0.1", 0)
    edge.address = f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
    task = asyncio.create_task(edge.run())
    await until(lambda: edge.is_connected)
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task
    server.close()
    nginx.end()
    assert not edge.is_connected
    assert heard.left == []


async def test_a_network_that_is_gone_ends_the_connection(heard: Heard) -> None:
    """It says nothing: the kernel asks, and a container's reload is not waited for on a connection that is none."""
    async with await asyncio.start_server(lambda _, writer: writer.close(), "127.0.0.1", 0) as server:
        edge = Edge(f"127.0.0.1:{server.sockets[0].getsockname()[1]}", {}, left=heard)
        _, writer = await edge._connect()
        connected: socket.socket = writer.get_extra_info("socket")
        assert connected.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
        asked = {name: connected.getsockopt(socket.IPPROTO_TCP, getattr(socket, name)) for name in KEEPALIVE}
        assert asked == KEEPALIVE
        writer.close()
        await writer.wait_closed()
