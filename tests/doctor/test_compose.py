"""The doctor on docker-compose.prod.yml: nothing on a healthy project, and one row of the matrix."""

import json

import pytest
from redis import Redis

from deploy.doctor.compose import ComposeBody
from tests.compose.stack import RunningCompose

pytestmark = [pytest.mark.docker, pytest.mark.timeout(300)]


def examined(compose: RunningCompose) -> dict[str, list[str]]:
    """Give {verdict: ids} as whoever operates the project reads them; nothing but the verdicts was written."""
    done = compose.parley("doctor", "--stack", "compose", "--json")
    assert done.stderr == "", done.stderr
    found: dict[str, list[str]] = {}
    for one in json.loads(done.stdout):
        found.setdefault(one["verdict"], []).append(f"{one['id']}: {one['evidence']}")
    assert done.returncode == (1 if "broken" in found else 0)
    return found


def test_a_healthy_project_has_nothing(compose: RunningCompose) -> None:
    """Every check but those that take their time, and that of files which lie in volumes, has something to look at."""
    found = examined(compose)
    assert "broken" not in found, found
    left_out = [line.partition(":")[0] for line in found["not applicable"]]
    assert left_out == ["secrets-are-private", "addresses-cannot-be-forged", "idle-socket-lives"], found


def test_a_redis_that_evicts_is_named_and_nothing_else(compose: RunningCompose) -> None:
    """Asked in its container's network, where its port is."""
    with Redis.from_url(ComposeBody(compose.stack).layer()) as redis:
        redis.config_set("maxmemory-policy", "allkeys-lru")
        try:
            assert [line.partition(":")[0] for line in examined(compose)["broken"]] == ["layer-evicts-nothing"]
        finally:
            redis.config_set("maxmemory-policy", "noeviction")
