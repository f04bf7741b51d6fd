"""The Redis that keeps data in a backup, by real servers: while it runs, while it does not, and back."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from redis import Redis, RedisError

from deploy.effects import commands
from deploy.errors import StackError
from deploy.operations.backup import manifest
from deploy.operations.backup.kept import ONCE, StoreEngine
from deploy.stacks.local import store
from deploy.stacks.local.layout import Layout
from deploy.stacks.stack import HostStore
from tests import programs
from tests.running import free_port
from tests.sentinels import until

LATER = 10_000  # seconds


@contextmanager
def serving(layout: Layout) -> Iterator[tuple[Redis, HostStore]]:
    """Run it as `up` does, until the block ends."""
    port, program = free_port(), programs.redis_server()
    store.ensure(layout, port)
    url = store.url(layout, port)
    with commands.piped([str(program), str(layout.store / store.FILE)]), Redis.from_url(url, retry=ONCE) as redis:
        until(lambda: answers(redis))
        yield redis, HostStore(layout.store, program, url)
        redis.shutdown()


def answers(redis: Redis) -> bool:
    """Tell whether it has started."""
    try:
        return bool(redis.ping())
    except RedisError:
        return False


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    """A folder with a space in its name."""
    layout = Layout(tmp_path / "a stack")
    layout.make()
    return layout


def fill(redis: Redis) -> None:
    """Write what queues, sessions and caches write, also to another database."""
    redis.set("session:1", b"\x00\xff binary")
    redis.set("cached", "for a while", ex=LATER)
    redis.rpush("celery", "one", "two")
    redis.xadd("stream", {"a": 1})
    redis.select(3)
    redis.set("elsewhere", "3")
    redis.select(0)


def is_whole(redis: Redis) -> bool:
    """Tell whether it is all there."""
    assert 0 < redis.ttl("cached") <= LATER
    assert redis.get("session:1") == b"\x00\xff binary"
    assert redis.lrange("celery", 0, -1) == [b"one", b"two"]
    assert redis.xlen("stream") == 1
    redis.select(3)
    assert redis.get("elsewhere") == b"3"
    redis.select(0)
    return bool(redis.dbsize() == 4)


def test_there_and_back(layout: Layout, tmp_path: Path) -> None:
    """Saved while it runs, restored while it does not; it appends on, and what was written later is gone."""
    copy = tmp_path / "store.rdb"
    with serving(layout) as (redis, found):
        fill(redis)
        engine = StoreEngine(found)
        engine.dump(copy)
        assert engine.read_back(copy) == 5
        redis.set("later", "1")
        redis.delete("celery")
    engine = StoreEngine(HostStore(layout.store, programs.redis_server()))
    engine.prepare(copy, manifest.sha256(copy))
    engine.swap()
    with serving(layout) as (redis, _):
        assert is_whole(redis)
        redis.set("after", "1")
    with serving(layout) as (redis, _):
        assert redis.get("after") == b"1", "it is append-only again"
    stopped = tmp_path / "stopped.rdb"
    engine.dump(stopped)
    assert engine.read_back(stopped) == 6


def test_what_is_damaged_is_refused_before_anything_changes(layout: Layout, tmp_path: Path) -> None:
    """Also what a newer Redis wrote, which this one cannot read."""
    copy = tmp_path / "store.rdb"
    with serving(layout) as (redis, found):
        fill(redis)
        StoreEngine(found).dump(copy)
    content = copy.read_bytes()
    engine = StoreEngine(HostStore(layout.store, programs.redis_server()))
    damaged = (
        content[:-12] + bytes([content[-12] ^ 1]) + content[-11:],
        content[:-20],
        b"no RDB file",
        b"REDIS0099" + content[9:],
    )
    for changed in damaged:
        copy.write_bytes(changed)
        with pytest.raises(StackError) as refused:
            engine.read_back(copy)
        assert "\n" not in str(refused.value)
        with pytest.raises(StackError):
            engine.prepare(copy, manifest.sha256(copy))
        assert not (layout.store / ".restored").exists()
    with serving(layout) as (redis, _):
        assert is_whole(redis)
