"""The layer over one connection: whatever becomes of Redis, it carries again, and nobody waits for ever."""

import asyncio
import signal
import socket
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hiredis import ReplyError
from redis.asyncio import Redis
from redis.exceptions import RedisError

from parley_serving import pubsub
from parley_serving.cancellation import end
from parley_serving.pubsub import PATIENCE_SECONDS, PubSubLayer, Wire
from realtime import publisher
from realtime.publisher import Publisher
from tests.app.realtime.virtual import VirtualLoop
from tests.programs import redis_server
from tests.waiting import PATIENCE

MESSAGE = {"type": "entries", "entries": [b"one", b"two"], "first": 2**40, "from": "somebody"}

Until = Callable[[Callable[[], object]], Awaitable[None]]


@pytest.fixture
def redis(tmp_path: Path) -> Iterator["subprocess.Popen[bytes]"]:
    """A Redis of our own on a unix socket."""
    with start(tmp_path) as server:
        yield server
        server.send_signal(signal.SIGCONT)
        server.kill()


def start(folder: Path) -> "subprocess.Popen[bytes]":
    """Start a Redis."""
    command = [str(redis_server()), "--port", "0", "--unixsocket", str(folder / "redis.sock"), "--save", ""]
    return subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL)


def is_listening(path: Path) -> bool:
    """Its file alone does not say it."""
    with socket.socket(socket.AF_UNIX) as peer:
        return peer.connect_ex(str(path)) == 0


@pytest.fixture
async def layers(
    redis: "subprocess.Popen[bytes]", tmp_path: Path, monkeypatch: pytest.MonkeyPatch, until: Until
) -> AsyncIterator[list[PubSubLayer]]:
    """The layers of two processes."""
    monkeypatch.setattr(pubsub, "RETRY_SECONDS", 0.01)
    host = {"address": f"unix://{tmp_path}/redis.sock?db=0", "socket_timeout": 2, "socket_connect_timeout": 2}
    await until(lambda: is_listening(tmp_path / "redis.sock"))
    made = [PubSubLayer(hosts=[host], prefix="test") for _ in range(2)]
    yield made
    for layer in made:
        await layer.flush()


async def take(layer: PubSubLayer, channel: str) -> Any:
    """The next message, which comes or does not."""
    return await asyncio.wait_for(layer.receive(channel), 10)


async def carried(sender: PubSubLayer, receiver: PubSubLayer, channel: str) -> None:
    """Send until something comes: what was sent while nobody listened is lost, as pub/sub has it."""

    async def send() -> None:
        while True:
            try:
                await sender.group_send("room.1", MESSAGE)
            except (ConnectionError, RedisError):  # it comes back
                await asyncio.sleep(0.01)
            await asyncio.sleep(0.01)

    sending = asyncio.create_task(send())
    assert await take(receiver, channel) == MESSAGE
    sending.cancel()


async def test_groups_and_channels(layers: list[PubSubLayer]) -> None:
    """As the specification has it: to all of the group, oneself included, and to who is addressed."""
    channels = [await layer.new_channel() for layer in layers]
    for layer, channel in zip(layers, channels, strict=True):
        await layer.group_add("room.1", channel)
    await layers[0].group_send("room.1", MESSAGE)
    assert [await take(layer, channel) for layer, channel in zip(layers, channels, strict=True)] == [MESSAGE] * 2
    await layers[0].group_discard("room.1", channels[0])
    await layers[1].group_send("room.1", MESSAGE)
    await layers[1].send(channels[0], {"type": "last"})
    assert await take(layers[0], channels[0]) == {"type": "last"}
    assert await take(layers[1], channels[1]) == MESSAGE


async def test_one_connection_for_everything(layers: list[PubSubLayer], tmp_path: Path) -> None:
    """Many that publish and subscribe at once are answered each for itself, in one order, on one connection."""
    channel = await layers[0].new_channel()
    async with asyncio.TaskGroup() as group:
        for number in range(50):
            group.create_task(layers[0].group_add(f"room.{number}", channel))
            group.create_task(layers[0].send(channel, {"number": number}))
    assert [(await take(layers[0], channel))["number"] for _ in range(50)] == list(range(50))
    async with Redis(unix_socket_path=str(tmp_path / "redis.sock")) as admin:
        assert len(await admin.pubsub_channels("*")) == 51
        assert len(await admin.client_list()) == 2
        for number in range(50):
            await layers[0].group_discard(f"room.{number}", channel)
        assert len(await admin.pubsub_channels("*")) == 1, "Redis would go on sending what nobody here reads"


async def test_it_comes_back_with_its_groups(
    layers: list[PubSubLayer], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Who only listens finds out that the connection was cut, and listens again."""
    channel = await layers[0].new_channel()
    for group in ("room.1", "room.2"):
        await layers[0].group_add(group, channel)
    await layers[0].group_discard("room.2", channel)
    async with Redis(unix_socket_path=str(tmp_path / "redis.sock")) as admin:
        for client in await admin.client_list():
            if client["id"] != str(await admin.client_id()):
                await admin.client_kill_filter(_id=client["id"])
        await carried(layers[1], layers[0], channel)
        assert "the connection to Redis was lost" in caplog.text
        assert len(await admin.pubsub_channels("*")) == 2, "of its own, and of the one group that it did not leave"


async def test_another_redis_takes_its_place(
    layers: list[PubSubLayer], redis: "subprocess.Popen[bytes]", tmp_path: Path
) -> None:
    """Killed, away for a while, and started anew: what was asked meanwhile is refused at once."""
    channel = await layers[0].new_channel()
    await layers[0].group_add("room.1", channel)
    redis.kill()
    redis.wait()
    with pytest.raises((ConnectionError, RedisError)):
        await layers[0].group_send("room.1", MESSAGE)
    another = start(tmp_path)
    try:
        await carried(layers[1], layers[0], channel)
    finally:
        another.kill()
        another.wait()


async def test_a_frozen_redis_is_given_up(
    layers: list[PubSubLayer], redis: "subprocess.Popen[bytes]", monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody waits longer than patience has it; thawed, it carries again."""
    monkeypatch.setattr(pubsub, "PATIENCE_SECONDS", 0.2)
    channel = await layers[0].new_channel()
    await layers[0].group_add("room.1", channel)
    redis.send_signal(signal.SIGSTOP)
    async with asyncio.timeout(PATIENCE):
        with pytest.raises(ConnectionError):
            await layers[0].group_send("room.1", MESSAGE)
    redis.send_signal(signal.SIGCONT)
    await carried(layers[1], layers[0], channel)


async def test_what_redis_refuses_is_raised(layers: list[PubSubLayer], tmp_path: Path) -> None:
    """And the next is carried; a group that was refused is asked for again."""
    channel = await layers[0].new_channel()
    async with Redis(unix_socket_path=str(tmp_path / "redis.sock")) as admin:
        # Its own channel stays allowed: Redis cuts off who listens to what is not.
        rules: dict[str, Any] = {"enabled": True, "nopass": True, "categories": ["+@all"], "reset_channels": True}
        await admin.acl_setuser("default", **rules, channels=["testspecific.*"])
        for call in (layers[0].group_send("room.1", MESSAGE), layers[0].group_add("room.1", channel)):
            with pytest.raises(ReplyError, match="NOPERM"):
                await call
        await admin.acl_setuser("default", **rules, channels=["*"])
    await layers[0].group_add("room.1", channel)
    await layers[0].group_send("room.1", MESSAGE)
    assert await take(layers[0], channel) == MESSAGE


async def test_a_connection_that_is_not_let_in_is_closed(
    layers: list[PubSubLayer], monkeypatch: pytest.MonkeyPatch
) -> None:
    """With a wrong password each try would leave one open behind it."""
    closed: list[bool] = []

    class Refused:
        async def connect(self) -> None:
            raise RedisError("invalid password")

        async def disconnect(self, *, nowait: bool) -> None:
            closed.append(nowait)

    monkeypatch.setattr(pubsub, "create_pool", lambda _: SimpleNamespace(make_connection=Refused))
    with pytest.raises(RedisError, match="invalid password"):
        await layers[0].group_send("room.1", MESSAGE)
    assert closed == [True]


BOTH = ("QUEUE_BYTES", "QUEUES_BYTES")
BACKLOG = [b"x" * 5_000] * 8_000  # 40 MB, as an outage of some seconds leaves behind


@pytest.mark.parametrize("unbounded", [(), BOTH, (*BOTH, "MESSAGE_BYTES")], ids=len)
async def test_a_backlog_does_not_cut_off_who_listens(
    layers: list[PubSubLayer],
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
    unbounded: tuple[str, ...],
) -> None:
    """Redis does that to a subscriber with more than 32 MB to read: here to one that is busy with something else.

    Without a bound it is cut off, whether the backlog comes in many messages or, as it once did, in one.
    """
    for bound in unbounded:
        monkeypatch.setattr(publisher, bound, 2**40)
    channel = await layers[1].new_channel()
    await layers[1].group_add("room.1", channel)
    (shard,) = layers[1]._get_layer()._shards
    wire = shard._wire
    publishing = Publisher(layer=layers[0], sender="one", count=lambda *_: None)
    for first in range(1, len(BACKLOG), 100):
        publishing.put_entries(group="room.1", room=1, epoch="e", first=first, entries=BACKLOG[first : first + 100])
    wire._transport.pause_reading()
    running = asyncio.create_task(publishing.run())
    async with asyncio.timeout(PATIENCE):
        while publishing._bytes:  # noqa: ASYNC110 (it has no event for it)
            await asyncio.sleep(0.01)
    wire._transport.resume_reading()
    await end([running])
    if unbounded:
        async with asyncio.timeout(PATIENCE):
            while "the connection to Redis was lost" not in caplog.text:  # noqa: ASYNC110 (the same)
                await asyncio.sleep(0.01)
        return
    await layers[0].group_send("room.1", {"type": "last"})
    read = 0
    while (message := await take(layers[1], channel))["type"] != "last":
        assert message["first"] == read + 1
        read += len(message["entries"])
    assert read == publisher.QUEUE_BYTES // len(BACKLOG[0])
    assert shard._wire is wire
    assert "lost" not in caplog.text


class Ending(Wire):
    """The first to confirm what is listened to ends in the same breath."""

    has_ended = False

    def data_received(self, data: bytes) -> None:
        """Its end is told before who waits for the answer goes on, as uvloop may."""
        super().data_received(data)
        if b"subscribe" in data and not Ending.has_ended:
            Ending.has_ended = True
            self._transport.abort()


async def test_a_connection_that_ends_as_it_is_made_is_made_again(
    layers: list[PubSubLayer], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The process would be deaf for ever on a connection whose end nobody told it."""
    channel = await layers[0].new_channel()
    await layers[0].group_add("room.1", channel)
    monkeypatch.setattr(pubsub, "Wire", Ending)
    monkeypatch.setattr(Ending, "has_ended", False)
    async with Redis(unix_socket_path=str(tmp_path / "redis.sock")) as admin:
        for client in await admin.client_list():
            if client["id"] != str(await admin.client_id()):
                await admin.client_kill_filter(_id=client["id"])
    await carried(layers[1], layers[0], channel)
    assert Ending.has_ended


def test_patience_is_counted_from_each_question() -> None:
    """One timer for all of them: who asked while it ran is waited for as long, and not for ever."""
    loop, aborted = VirtualLoop(), []
    transport = SimpleNamespace(
        set_protocol=lambda _: None,
        is_closing=lambda: False,
        write=lambda _: None,
        abort=lambda: aborted.append(loop.time()),
    )
    with loop.inside():
        wire = Wire(SimpleNamespace(_writer=SimpleNamespace(transport=transport)), lambda *_: None, lambda _: None)
        answered = wire.ask("PING")
        wire.data_received(b"+PONG\r\n")
    loop.wait(PATIENCE_SECONDS / 2)
    with loop.inside():
        lost = wire.ask("PING")
    loop.wait(2 * PATIENCE_SECONDS)
    assert aborted == [pytest.approx(1.5 * PATIENCE_SECONDS)]
    assert (answered.result(), lost.done()) == (b"PONG", False)
    with loop.inside():
        wire.connection_lost(None)
    assert isinstance(lost.exception(), ConnectionError)
    loop.end()
