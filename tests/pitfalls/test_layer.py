"""C, L4, L5: channels_redis and Redis. Stock is the tutorials' core layer, ours that of parley_serving/layers.py."""

import asyncio
import json
import logging
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import pytest
import redis.asyncio as client
from channels.generic.websocket import AsyncWebsocketConsumer
from channels.routing import ProtocolTypeRouter
from channels_redis.core import RedisChannelLayer
from channels_redis.pubsub import RedisPubSubChannelLayer
from django.utils.module_loading import import_string
from websockets.asyncio.client import connect

from parley_serving.environment import WrongEnvironmentError, read
from parley_serving.layers import from_url
from parley_serving.pubsub import PubSubLayer
from realtime.hub import Hub
from tests.pitfalls.pages import seen
from tests.pitfalls.serving import hung_up, in_this_loop, redis, routed, stock_uvicorn, until
from tests.waiting import PATIENCE

pytestmark = pytest.mark.stack


@pytest.fixture(scope="module")
def shared() -> Iterator[Path]:
    """A Redis that tests leave as they found it, or empty."""
    with redis() as path:
        yield path


def stock(path: Path, **options: Any) -> Any:
    return RedisChannelLayer(hosts=[f"unix://{path}"], **options)


def pubsub_of(path: Path, kind: Any) -> Any:
    return kind(**from_url(f"unix://{path}?db=0")["default"]["CONFIG"])


def ours(path: Path) -> Any:
    return pubsub_of(path, import_string(from_url(f"unix://{path}?db=0")["default"]["BACKEND"]))


async def joined(layer: Any) -> str:
    """Return a new channel in the group `room`."""
    channel = str(await layer.new_channel())
    await layer.group_add("room", channel)
    return channel


async def taken(layer: Any, channel: str) -> list[Any]:
    """Return what a channel gets until a mark that is sent to it directly, the newest of the core layer's queue."""
    await layer.send(channel, {"type": "mark"})
    got = []
    async with asyncio.timeout(PATIENCE):
        while (message := await layer.receive(channel))["type"] != "mark":
            got.append(message)
    return got


async def ended(*layers: Any) -> None:
    for layer in layers:
        await (layer.close_pools() if isinstance(layer, RedisChannelLayer) else layer.flush())


async def test_c1_an_idle_reader_dies_after_five_seconds(shared: Path) -> None:
    """Stock: redis-py 8 reads for 5 s, the layer's BRPOP/BZPOPMIN waits 5 s; ours, as idle, hears what comes later."""
    core, pubsub = stock(shared), ours(shared)
    idle = await joined(pubsub)
    reading = asyncio.create_task(pubsub.receive(idle))
    with pytest.raises(client.TimeoutError) as raised:
        async with asyncio.timeout(PATIENCE):
            await core.receive(await joined(core))
    seen("C1", f"{type(raised.value).__module__}.{type(raised.value).__name__}: {raised.value}")
    assert not reading.done()
    await pubsub.group_send("room", {"type": "late"})
    assert (await asyncio.wait_for(reading, PATIENCE))["type"] == "late"
    await ended(core, pubsub)


async def test_c2_a_storm_of_handshakes_meets_the_pool(shared: Path) -> None:
    """Stock: 300 that join at once want 300 connections of 100; ours: one channel per process, whatever comes."""
    core, pubsub = stock(shared), ours(shared)
    results = await asyncio.gather(*(core.group_add("room", f"c{n}") for n in range(300)), return_exceptions=True)
    failed = [error for error in results if error is not None]
    assert failed
    seen("C2", *{f"{type(error).__module__}.{type(error).__name__}: {error}" for error in failed})
    channel = await pubsub.new_channel()
    await asyncio.gather(*(pubsub.group_add(f"room.{n}", channel) for n in range(300)))
    async with client.Redis(unix_socket_path=str(shared)) as direct:
        await direct.flushall()
    await ended(core, pubsub)


async def test_c3_a_burst_is_dropped(shared: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Stock: of 300 messages about 100 arrive and one line at INFO says so; ours: all of them."""
    caplog.set_level(logging.INFO, "channels_redis.core")
    core, pubsub = stock(shared), ours(shared)
    there, here = await joined(core), await joined(pubsub)
    for number in range(300):
        await core.group_send("room", {"type": "n", "n": number})
        await pubsub.group_send("room", {"type": "n", "n": number})
    seen("C3", caplog.text)
    assert [message["n"] for message in await taken(pubsub, here)] == list(range(300))
    got = 0
    async with client.Redis(unix_socket_path=str(shared)) as direct:
        got = sum([await direct.zcard(key) for key in await direct.keys("asgispecific*")])
        await direct.flushall()
    assert got == 100, there
    await ended(core, pubsub)


async def test_c4_a_day_later_the_socket_is_deaf(shared: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Stock: membership ends 86400 s after the join, however busy the room; ours ends with the subscription."""
    import channels_redis.core

    core, pubsub = stock(shared), ours(shared)
    there, here = await joined(core), await joined(pubsub)
    now = channels_redis.core.time.time()
    monkeypatch.setattr(channels_redis.core.time, "time", lambda: now + 86_401)
    for layer in (core, pubsub):
        await layer.group_send("room", {"type": "hello"})
    assert await taken(core, there) == []
    assert len(await taken(pubsub, here)) == 1
    await ended(core, pubsub)


async def test_c5_redis_forgets_and_the_room_is_empty(shared: Path) -> None:
    """Stock: after FLUSHALL (or a new Redis) a group is gone, the sockets are not; ours: subscriptions are no data."""
    core, pubsub = stock(shared), ours(shared)
    there, here = await joined(core), await joined(pubsub)
    async with client.Redis(unix_socket_path=str(shared)) as direct:
        await direct.flushall()
    for layer in (core, pubsub):
        await layer.group_send("room", {"type": "hello"})
    assert await taken(core, there) == []
    assert len(await taken(pubsub, here)) == 1
    await ended(core, pubsub)


class Member(AsyncWebsocketConsumer):
    """In a group, as every tutorial's."""

    groups = ["room"]  # noqa: RUF012
    left = 0

    async def disconnect(self, code: int) -> None:
        Member.left += 1


async def test_c6_redis_restarts_and_every_socket_ends(settings: Any, caplog: pytest.LogCaptureFixture) -> None:
    """Stock: a Redis that ends takes all sockets with it, with 1006 and without disconnect()."""
    application = ProtocolTypeRouter({"websocket": routed("ws/", Member)})
    with redis() as own:
        config = {"BACKEND": "channels_redis.core.RedisChannelLayer", "CONFIG": {"hosts": [f"unix://{own}"]}}
        settings.CHANNEL_LAYERS = {"default": config}
        async with in_this_loop(application) as url, connect(f"{url}/ws/") as one, connect(f"{url}/ws/") as two:
            os.kill(int((own.parent / "redis.pid").read_text()), signal.SIGKILL)
            said = [await hung_up(one), await hung_up(two)]
    assert Member.left == 0
    seen("C6", caplog.text, *said)


async def test_c9_the_layer_in_memory_reaches_one_process() -> None:
    """Stock: two processes, one socket on each: what one says the other never hears, and nothing complains."""
    with stock_uvicorn() as first, stock_uvicorn() as second:
        async with connect(first.url) as speaker, connect(second.url) as other:
            await speaker.send(json.dumps({"text": "hello"}))
            async with asyncio.timeout(PATIENCE):
                assert json.loads(await speaker.recv()) == {"text": "hello"}
                await other.send(json.dumps({"echo": "anything?"}))
                assert json.loads(await other.recv())["echo"] == "anything?", "nothing came before its own echo"


def test_c9_ours_does_not_start_with_it() -> None:
    """Production says no, with the variable's name."""
    with pytest.raises(WrongEnvironmentError, match="PARLEY_LAYER_URL: memory:// reaches one process only"):
        read({"PARLEY_ENV": "production", "PARLEY_LAYER_URL": "memory://"})


async def test_c12_a_redis_that_is_full(caplog: pytest.LogCaptureFixture) -> None:
    """Stock: without eviction each join fails; ours: what is published needs no room. With eviction a group is gone."""
    with redis("--maxmemory-policy", "noeviction") as own:
        core, pubsub = stock(own), ours(own)
        here = await joined(pubsub)
        async with client.Redis(unix_socket_path=str(own)) as direct:
            await direct.config_set("maxmemory", "1")
        with pytest.raises(client.ResponseError) as full:
            await joined(core)
        seen("C12", f"{type(full.value).__module__}.{type(full.value).__name__}: {full.value}")
        await pubsub.group_send("room", {"type": "hello"})
        assert len(await taken(pubsub, here)) == 1
        await ended(core, pubsub)
    with redis("--maxmemory-policy", "allkeys-random") as own:
        core = stock(own)
        there = await joined(core)
        async with client.Redis(unix_socket_path=str(own)) as direct:
            assert await direct.exists("asgi:group:room")
            await direct.config_set("maxmemory", "1")
            with pytest.raises(client.ResponseError):
                await direct.set("a", "b")  # what makes Redis look for room
            assert not await direct.exists("asgi:group:room"), there
        await ended(core)


async def test_c20_a_user_without_channels(caplog: pytest.LogCaptureFixture) -> None:
    """Stock: who joins gets an exception; ours: the hub goes on trying, is not well, and hears once it is allowed."""
    with redis() as own:
        admin: Any = client.Redis(unix_socket_path=str(own))
        async with admin as direct:
            await direct.execute_command("ACL", "SETUSER", "default", "resetchannels", "~*", "+@all")
            core = pubsub_of(own, RedisPubSubChannelLayer)
            with pytest.raises(client.ResponseError) as refused:
                await taken(core, await joined(core))
            layer, without_rooms = ours(own), cast("Any", Nothing())
            hub = Hub(layer=layer, source=without_rooms, count=lambda *_: None)
            hub.start()
            try:
                await until(lambda: "the hub stopped" in caplog.text)
                assert not hub.health.is_well
                stock_said = f"{type(refused.value).__module__}.{type(refused.value).__name__}: {refused.value}"
                seen("C20", stock_said, caplog.text)
                await direct.execute_command("ACL", "SETUSER", "default", "allchannels")
                await until(lambda: hub.health.is_well)
            finally:
                await hub.stop()
        await ended(core, layer)


class Nothing:
    """A log without rooms."""

    async def heads(self, rooms: Any) -> dict[int, Any]:
        return {}


@pytest.mark.parametrize("kind", [RedisPubSubChannelLayer, PubSubLayer], ids=["stock", "ours"])
async def test_l4_one_lock_around_the_layer(kind: Any) -> None:
    """Stock: with Redis frozen a publish holds the lock, and a join waits for all before it; ours: none waits.

    Neither to be written (each kind of command is on its way at once) nor, once Redis is given up, for an end.
    """
    with redis() as own:
        layer = pubsub_of(own, kind)
        channel = await joined(layer)
        for number in range(2):
            await layer.group_add(f"left.{number}", channel)
        pid = int((own.parent / "redis.pid").read_text())
        os.kill(pid, signal.SIGSTOP)
        try:
            publishes = [asyncio.create_task(layer.group_send("room", {"type": "n"})) for _ in range(3)]
            joins = [asyncio.create_task(layer.group_add(f"other.{number}", channel)) for number in range(3)]
            leaves = [asyncio.create_task(layer.group_discard(f"left.{number}", channel)) for number in range(2)]
            everything = [*publishes, *joins, *leaves]
            if kind is PubSubLayer:
                (shard,) = layer._get_layer()._shards
                await until(lambda: len(shard._wire._asked) == len(everything))
            done, waiting = await asyncio.wait(everything, return_when="FIRST_COMPLETED", timeout=PATIENCE)
            if kind is PubSubLayer:
                for _ in range(20):  # turns of the loop, and no time
                    await asyncio.sleep(0)
                assert all(one.done() for one in everything)
            else:
                seen("L4", *(f"{type(one.exception()).__name__}: {one.exception()}" for one in done))
                assert done == {publishes[0]}
                assert waiting > set(joins)
        finally:
            os.kill(pid, signal.SIGCONT)
        async with asyncio.timeout(PATIENCE):
            await asyncio.gather(*everything, return_exceptions=True)
        await ended(layer)


async def test_l5_a_receive_that_is_cancelled_loses_what_comes_meanwhile(shared: Path) -> None:
    """The pub/sub layer: `wait_for(layer.receive(…))` looks harmless, and deletes the channel each time it ends."""
    layer = pubsub_of(shared, RedisPubSubChannelLayer)
    channel, witness = await joined(layer), await joined(layer)
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(layer.receive(channel), 0.05)
    (connections,) = layer._layers.values()
    assert channel not in connections.channels
    assert any(channel in members for members in connections.groups.values()), "the group lists it all the same"
    await layer.group_send("room", {"type": "lost"})
    async with asyncio.timeout(PATIENCE):
        assert (await layer.receive(witness))["type"] == "lost"
        receiving = asyncio.create_task(layer.receive(channel))
        await until(lambda: channel in connections.channels)
        await layer.group_send("room", {"type": "heard"})
        assert (await receiving)["type"] == "heard"
    await ended(layer)
