"""docs/runbooks/redis-full.md, on a Redis that takes no more keys."""

from collections.abc import Callable

import pytest
from redis import OutOfMemoryError, Redis

from deploy.operations.doctor.compose import ComposeAdapter
from tests.deploy.operations.runbooks.book import Book
from tests.deploy.stacks.compose.stack import RunningCompose
from tests.deploy.stacks.systemd.host import Installed

MUCH = 66_000_000  # bytes in one key; with what Redis needs itself that is more than 64 MiB
FULL = "OOM command not allowed"


def played(book: Book, on: RunningCompose | Installed, empty: Callable[[], object]) -> None:
    """Play the page, and have somebody take the key away before its Rollback."""
    said = book.play("Diagnosis", on)
    assert "db0:keys=" in said
    assert '"somebodys"' in said
    book.play("Mitigation", on, MEGABYTES="64")
    book.play("Verification", on)
    empty()
    book.play("Rollback", on, MEGABYTES="64")


@pytest.mark.docker
@pytest.mark.runbook("redis-full", "compose")
def test_a_redis_in_a_container(book: Book, compose: RunningCompose) -> None:
    """It refuses keys, and passes messages to who connects anew."""
    with Redis.from_url(ComposeAdapter(compose.stack).layer()) as redis:
        before = redis.config_get("maxmemory")
        redis.setrange("somebodys", MUCH, "x")
        try:
            with pytest.raises(OutOfMemoryError):
                redis.set("a", "b")
            with redis.pubsub() as anew:  # a connection of its own
                anew.subscribe("somebodys")
                assert redis.publish("somebodys", "passes") == 1
            played(book, compose, lambda: redis.delete("somebodys"))
        finally:
            redis.delete("somebodys")
        assert redis.config_get("maxmemory") == before


@pytest.mark.release
@pytest.mark.systemd
@pytest.mark.runbook("redis-full", "systemd")
def test_a_redis_of_a_host(book: Book, systemd: Installed) -> None:
    """It refuses keys and passes messages."""

    def ask(*words: str) -> str:
        done = systemd.host.run("redis-cli", "-s", "/run/parley/redis.sock", *words, check=False)
        return done.stdout + done.stderr

    before = ask("config", "get", "maxmemory")
    ask("setrange", "somebodys", str(MUCH), "x")
    try:
        assert FULL in ask("set", "a", "b")
        assert FULL not in ask("publish", "nobodys", "passes")
        played(book, systemd, lambda: ask("del", "somebodys"))
    finally:
        ask("del", "somebodys")
    assert ask("config", "get", "maxmemory") == before
