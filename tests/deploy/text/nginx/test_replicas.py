"""Replicas that come and go under one name, through a real nginx that asks for it every second."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import Any

import pytest

from deploy.model.config import Config
from tests.names import NAME, Names, name_server
from tests.running import free_port
from tests.waiting import PATIENCE

Front = Any  # conftest.Front: a conftest cannot be imported
Fronts = Callable[..., Awaitable[Front]]
HERE, GONE = "127.0.0.2", "127.0.0.3"

pytestmark = pytest.mark.parametrize("nginx", ["wheel"], indirect=True)  # the distribution's cannot ask again


@pytest.fixture
async def names() -> AsyncIterator[Names]:
    """The name server that nginx asks."""
    async with name_server() as server:
        server.addresses = (HERE,)
        yield server


@pytest.fixture
def port() -> Iterator[int]:
    """The replicas' port; at GONE a connection to it neither opens nor is refused, as at an address that nobody has."""
    port = free_port()
    with contextlib.ExitStack() as stack:
        full = stack.enter_context(socket.create_server((GONE, port), backlog=0))
        while True:
            one = stack.enter_context(socket.socket())
            one.settimeout(0.5)
            try:
                one.connect(full.getsockname())
            except TimeoutError:
                break
        yield port


async def start(fronts: Fronts, names: Names, port: int, config: Config | None = None) -> Front:
    return await fronts(config, resolver=f"127.0.0.1:{names.port}", upstreams=(f"{NAME}:{port}",))


async def reached(front: Front) -> None:
    """Wait until nginx has heard where the replica is."""
    async with asyncio.timeout(PATIENCE):
        while (await front.ask("/")).status != 200:  # noqa: ASYNC110 (nginx says nothing when it has heard)
            await asyncio.sleep(0.1)


async def test_nobody_is_given_up_with_a_replica_that_went(fronts: Fronts, names: Names, port: int) -> None:
    """Pages, posts and handshakes that wait for its address when nginx hears that it is gone (nginx/nginx#1656)."""
    front = await start(fronts, names, port)
    async with await asyncio.start_server(front.instances[0].serve, HERE, port):
        await reached(front)
        await front.upgrades(10)  # sockets there: the fewest are where nobody is
        names.addresses = (HERE, GONE)
        async with asyncio.timeout(PATIENCE):
            waits: set[asyncio.Task[Any]] = set()
            while not waits:
                _, waits = await asyncio.wait([asyncio.create_task(front.ask("/"))], timeout=0.2)
        names.addresses = (HERE,)
        for _ in range(12):  # at each moment of the second in which nginx asks, somebody waits
            waits |= {
                asyncio.create_task(front.ask("/")),
                asyncio.create_task(front.ask("/", method="POST", body=b"x")),
                asyncio.create_task(front.upgrade()),
            }
            await asyncio.sleep(0.1)
        async with asyncio.timeout(PATIENCE):
            answers = await asyncio.gather(*waits)
        statuses = [answer[0] if isinstance(answer, tuple) else answer.status for answer in answers]
        assert set(statuses) == {200, 101}, statuses
        posted = [answer.seen for answer in answers if not isinstance(answer, tuple)]
        assert sum(seen["line"].startswith("POST") for seen in posted) == 12
        for writer in front.writers:  # from Python 3.12 on a server waits for its connections' ends
            writer.close()


@pytest.mark.parametrize(("answers", "status"), [("closes", 502), ("is silent", 504)])
async def test_what_was_sent_is_not_sent_again(
    fronts: Fronts, names: Names, port: int, answers: str, status: int
) -> None:
    """A replica that took the request and gave no answer may have done what it asks."""
    front = await start(fronts, names, port, Config.model_validate({"app": {"ping_seconds": 1}}))
    async with await asyncio.start_server(front.instances[0].serve, HERE, port) as server:
        await reached(front)
        server.close()
    heard: list[str] = []
    ended = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heard.append((await reader.readuntil(b"\r\n\r\n")).decode())
        if answers == "is silent":
            await reader.read()  # until nginx has enough of it
        writer.close()
        await writer.wait_closed()
        ended.set()

    async with await asyncio.start_server(serve, HERE, port), asyncio.timeout(PATIENCE):
        answered, _, _ = await front.upgrade()
        await ended.wait()  # before Python 3.12 a server leaves its connections open
    assert answered == status
    assert len(heard) == 1
