"""The doctor on docker-compose.prod.yml: nothing on a healthy project, and one row of the matrix."""

import json

import pytest
from redis import Redis

from deploy.operations.doctor.compose import ComposeAdapter
from tests.deploy.operations.doctor.applies import EVERYTHING, left_out
from tests.deploy.stacks.compose.stack import RunningCompose, command

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
    with Redis.from_url(ComposeAdapter(compose.stack).layer()) as redis:
        redis.config_set("maxmemory-policy", "allkeys-lru")
        try:
            assert [line.partition(":")[0] for line in examined(compose)["broken"]] == ["layer-evicts-nothing"]
        finally:
            redis.config_set("maxmemory-policy", "noeviction")


def test_what_was_stopped_by_hand_is_named(compose: RunningCompose) -> None:
    """A replica: those that run were counted, and there were enough of them; and what no visitor meets."""
    replica = compose.containers("web")[-1]["Name"].removeprefix("/")
    for service, name, check, words in (
        ("web", replica, "instances-are-ready", f"{replica} does not run"),
        ("cleanup", compose.containers("cleanup")[0]["Name"], "beside-it-runs", "cleanup: not running, or not well"),
    ):
        command("docker", "stop", name)
        try:
            assert examined(compose)["broken"] == [f"{check}: {words}"], service
        finally:
            command("docker", "start", name)
            compose.until_healthy()


def test_a_replica_that_is_gone_is_missed(compose: RunningCompose) -> None:
    """Nothing is left of it to be asked."""
    last = compose.containers("web")[-1]["Name"].removeprefix("/")
    command("docker", "rm", "--force", last)
    try:
        [broken] = examined(compose)["broken"]
        assert broken.startswith("instances-are-ready: ")
        assert broken.endswith(" answer, and there should be 3")
    finally:
        compose.compose("up", "--detach", "--wait", "--no-recreate")
