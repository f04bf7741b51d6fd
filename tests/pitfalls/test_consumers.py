"""B: what consumers, threads and the database do to each other."""

import asyncio
import contextlib
import json
import logging
import threading
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
from channels.auth import AuthMiddlewareStack
from channels.db import database_sync_to_async
from channels.generic.websocket import AsyncJsonWebsocketConsumer, AsyncWebsocketConsumer
from channels.layers import get_channel_layer
from channels.routing import ProtocolTypeRouter
from django.test import Client
from websockets.asyncio.client import ClientConnection, connect

from realtime.consumer import SocketConsumer
from tests.pitfalls.pages import seen
from tests.pitfalls.serving import hung_up, in_this_loop, routed, stock_gunicorn, stock_uvicorn
from tests.postgres import running_cluster
from tests.waiting import PATIENCE

MEMORY = {"default": {"BACKEND": "channels.layers.InMemoryChannelLayer"}}


@pytest.fixture(autouse=True)
def layer(settings: Any) -> Any:
    """Channels' own layer in memory: what happens here happens on any layer."""
    settings.CHANNEL_LAYERS = MEMORY


@contextlib.asynccontextmanager
async def serving(consumer: Any) -> AsyncIterator[str]:
    """Serve one consumer at /ws/."""
    application = ProtocolTypeRouter({"websocket": routed("ws/", consumer)})
    async with in_this_loop(application) as url:
        yield f"{url}/ws/"


async def answer(connection: ClientConnection) -> str:
    """Read one message, with a bound."""
    async with asyncio.timeout(PATIENCE):
        return str(await connection.recv())


# B1


class Counted(AsyncWebsocketConsumer):
    """Keeps a list of who is here, in connect() and disconnect(), as the tutorials do."""

    here: set[Any] = set()  # noqa: RUF012
    ended: asyncio.Event

    async def __call__(self, *arguments: Any) -> None:
        try:
            await super().__call__(*arguments)
        finally:
            self.ended.set()

    async def connect(self) -> None:
        self.here.add(self)
        await self.accept()

    async def disconnect(self, code: int) -> None:
        self.here.discard(self)

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        while True:  # a room in which somebody always speaks
            await self.send("tick")
            await asyncio.sleep(0)


async def test_b1_disconnect_is_skipped(caplog: pytest.LogCaptureFixture) -> None:
    """Stock: the peer leaves while it is written to; its socket ends, its cleanup never ran, and nobody says so."""
    Counted.ended = asyncio.Event()
    async with serving(Counted) as url:
        async with connect(url) as leaver:
            await leaver.send("go")
            await answer(leaver)
            leaver.transport.abort()
        await asyncio.wait_for(Counted.ended.wait(), PATIENCE)
        assert len(Counted.here) == 1, "a ghost"
    assert not [record for record in caplog.records if record.levelno >= logging.WARNING]


# B2


class Careless(AsyncJsonWebsocketConsumer):
    """Joins one group; takes JSON."""

    groups = ["room"]  # noqa: RUF012

    async def receive_json(self, content: Any, **_: Any) -> None:
        await self.send_json(content)


async def test_b2_bad_input_ends_the_socket(caplog: pytest.LogCaptureFixture) -> None:
    """Stock: three kinds of input, three tracebacks, three sockets cut without a close frame."""
    said = []
    async with serving(Careless) as url:
        for bad in ("not json", b"\x00"):
            async with connect(url) as client:
                await client.send(bad)
                said.append(await hung_up(client))
        async with connect(url) as one, connect(url) as two:
            for client in (one, two):
                await client.send("1")
                assert await answer(client) == "1"
            layer: Any = get_channel_layer()
            await layer.group_send("room", {"type": "of.the.next.release"})
            said += [await hung_up(one), await hung_up(two)]
    assert len(set(said)) == 1
    seen("B2", caplog.text, *said)


# B3


def query(busy: threading.Event, gate: threading.Event) -> None:
    """Say that it runs, and take as long as the test wants."""
    busy.set()
    assert gate.wait(PATIENCE)


class Asks(AsyncWebsocketConsumer):
    """Asks something synchronous."""

    busy: threading.Event
    gate: threading.Event

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        if text_data == "slow":
            await database_sync_to_async(query)(self.busy, self.gate)
        await self.send(text_data)


class Ours(SocketConsumer):
    """The same with our consumer, the slow call of somebody else's included."""

    busy: threading.Event
    gate: threading.Event

    async def connect(self) -> None:
        await self.base_send({"type": "websocket.accept"})

    async def receive(self, text: str | None) -> None:
        if text == "slow":
            await database_sync_to_async(query)(self.busy, self.gate)
        await self.base_send({"type": "websocket.send", "text": text})


@pytest.mark.parametrize("consumer", [Asks, Ours], ids=["stock", "ours"])
async def test_b3_one_slow_query_holds_up_everybody(consumer: Any) -> None:
    """Stock: an echo waits for another socket's query; ours: it does not, as a frame does not visit that thread."""
    consumer.busy, consumer.gate = threading.Event(), threading.Event()
    async with serving(consumer) as url, connect(url) as slow, connect(url) as other:
        await other.send("before")
        assert await answer(other) == "before"
        await slow.send("slow")
        assert await asyncio.to_thread(consumer.busy.wait, PATIENCE)
        await other.send("hello")
        echo = asyncio.create_task(answer(other))
        if consumer is Ours:
            assert await echo == "hello"
            consumer.gate.set()
        else:
            await asyncio.wait([echo], timeout=0.5)
            is_held = not echo.done()
            consumer.gate.set()
            assert is_held, "it waits for the thread that all sockets share"
            assert await echo == "hello"
        assert await answer(slow) == "slow"


# B4


@pytest.mark.stack
async def test_b4_a_call_that_blocks_ends_the_worker() -> None:
    """Stock: one socket blocks the loop; gunicorn kills the worker, and everybody's sockets with it."""
    with stock_gunicorn("--timeout", "5") as served:
        async with connect(served.url) as blocker, connect(served.url) as other:
            await blocker.send(json.dumps({"block": 30}))
            said = await hung_up(other)
        seen("B4", await served.prints("(?s).*WORKER TIMEOUT.*"), said)


# B5


class Busy(AsyncWebsocketConsumer):
    """A handler that takes long, as one that asks another service does."""

    groups = ["room"]  # noqa: RUF012
    working: asyncio.Event
    gate: asyncio.Event

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        if text_data == "work":
            self.working.set()
            await self.gate.wait()
        await self.send("done")

    async def number(self, event: Any) -> None:
        await self.send(str(event["number"]))


async def test_b5_a_busy_consumer_loses_messages(caplog: pytest.LogCaptureFixture) -> None:
    """Stock: 150 messages come while a handler works; about 100 are there afterwards, and no line says so."""
    Busy.gate, Busy.working = asyncio.Event(), asyncio.Event()
    async with serving(Busy) as url, connect(url) as busy:
        await busy.send("work")
        await asyncio.wait_for(Busy.working.wait(), PATIENCE)
        layer: Any = get_channel_layer()
        for number in range(150):
            await layer.group_send("room", {"type": "number", "number": number})
        Busy.gate.set()
        got: list[str] = []
        while len(got) < 90:
            got.append(await answer(busy))
        await layer.group_send("room", {"type": "number", "number": "last"})
        while (text := await answer(busy)) != "last":
            got.append(text)
    assert 90 < len(got) < 130
    assert not [record for record in caplog.records if "capacity" in record.message]


# B7


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    """A PostgreSQL."""
    with running_cluster() as folder:
        yield folder


@pytest.mark.stack
async def test_b7_kept_connections_run_out(cluster: Any) -> None:
    """Stock with CONN_MAX_AGE=60: each request's thread keeps one, and PostgreSQL has no more."""
    import psycopg

    with contextlib.ExitStack() as others, stock_uvicorn(STOCK_POSTGRES=str(cluster)) as served:
        for _ in range(95):  # other replicas; PostgreSQL takes 100
            others.enter_context(psycopg.connect(host=str(cluster), user="parley", dbname="postgres"))
        for _ in range(12):
            reader, writer = await asyncio.open_connection("127.0.0.1", served.port)
            writer.write(b"GET /asks/ HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
            await asyncio.wait_for(reader.read(), PATIENCE)
            writer.close()
        seen("B7", await served.prints("(?s).*too many clients already.*"))


# B10


class Private(AsyncWebsocketConsumer):
    """Takes whoever is logged in."""

    groups = ["room"]  # noqa: RUF012

    async def connect(self) -> None:
        user = self.scope["user"]
        if user is not None and user.is_authenticated:
            await self.accept()

    async def news(self, event: Any) -> None:
        await self.send(event["text"])


@pytest.mark.django_db(transaction=True)
async def test_b10_who_logged_out_reads_on(django_user_model: Any) -> None:
    """Stock: the session is gone, the socket is not, and what is said is still told to it."""
    client = Client()
    user = await django_user_model.objects.acreate(username="ann", name="Ann")
    await client.aforce_login(user)
    cookie = f"sessionid={client.cookies['sessionid'].value}"
    application = ProtocolTypeRouter({"websocket": AuthMiddlewareStack(routed("ws/", Private))})
    async with (
        in_this_loop(application) as url,
        connect(f"{url}/ws/", additional_headers={"Cookie": cookie}) as reader,
    ):
        await client.alogout()
        layer: Any = get_channel_layer()
        await layer.group_send("room", {"type": "news", "text": "not for you"})
        assert await answer(reader) == "not for you"
