"""The doctor on docker-compose.prod.yml: nothing on a healthy project, and one row of the matrix."""

import json

import pytest
from redis import Redis

from deploy.doctor.compose import ComposeBody
from tests.compose.stack import RunningCompose
from tests.doctor.applies import EVERYTHING, left_out

pytestmark = [pytest.mark.docker, pytest.mark.timeout(300)]


def examined(compose: RunningCompose, *options: str) -> dict[str, list[str]]:
    """Give {verdict: ids} as whoever operates the project reads them; nothing but the verdicts was written."""
    done = compose.parley("doctor", "--stack", "compose", "--json", *options)
    assert done.stderr == "", done.stderr
    found: dict[str, list[str]] = {}
    for one in json.loads(done.stdout):
        found.setdefault(one["verdict"], []).append(f"{one['id']}: {one['evidence']}")
    assert done.returncode == (1 if "broken" in found else 0)
    return found


def test_a_healthy_project_has_nothing(compose: RunningCompose) -> None:
    """Every check that says so of itself has something to look at, with everything that can be asked for."""
    found = examined(compose, *EVERYTHING)
    assert "broken" not in found, found
    assert [line.partition(":")[0] for line in found["not applicable"]] == left_out("compose"), found


def test_a_redis_that_evicts_is_named_and_nothing_else(compose: RunningCompose) -> None:
    """Asked in its container's network, where its port is."""
    with Redis.from_url(ComposeBody(compose.stack).layer()) as redis:
        redis.config_set("maxmemory-policy", "allkeys-lru")
        try:
            assert [line.partition(":")[0] for line in examined(compose)["broken"]] == ["layer-evicts-nothing"]
        finally:
            redis.config_set("maxmemory-policy", "noeviction")
