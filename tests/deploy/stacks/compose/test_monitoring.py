"""The profile `monitoring`: Prometheus over the replicas, whichever they are, for who is on the host and nobody else.

The image is a stand-in (tests/deploy/stacks/compose/prometheus): its registry cannot be reached from a test.
"""

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from deploy.effects.client.http_client import HttpClient
from tests.deploy.stacks.compose.stack import RunningCompose, command, road
from tests.deploy.stacks.compose.test_hardening import test_limits as limited
from tests.deploy.stacks.compose.test_hardening import test_read_only_and_without_privileges as locked
from tests.deploy.text.prometheus.rendered import alerts
from tests.deploy.text.prometheus.server import Prometheus
from tests.programs import needed
from tests.running import free_port
from tests.waiting import PATIENCE

pytestmark = [pytest.mark.docker, pytest.mark.timeout(300)]

HERE = Path(__file__).parent
EVERY = 1  # seconds between scrapes


@pytest.fixture(scope="module")
def server(compose: RunningCompose) -> Iterator[Prometheus]:
    """Prometheus beside the stack, asking every second; afterwards nothing of it is left."""
    tools = needed("prometheus", "prometheus")
    image = f"{compose.name}:prometheus"
    context = f"--build-context=debian={tools.parent}"
    command("docker", "build", "--quiet", f"--tag={image}", context, str(HERE / "prometheus"))
    port = str(free_port())
    given = {"PARLEY_PROMETHEUS": image, "PARLEY_PROMETHEUS_PORT": port, "COMPOSE_PROFILES": "monitoring"}
    try:
        road("docker compose -f docker-compose.prod.yml up -d --wait", {**compose.variables, **given})
        found = Prometheus(f"http://127.0.0.1:{port}")
        tell(compose, PARLEY_SCRAPE_SECONDS=EVERY)
        until(lambda: f"scrape_interval: {EVERY}s" in found.ask("status/config")["yaml"], "read its configuration anew")
        until(lambda: answering(found) == addresses(compose), "asked all replicas")
        yield found
    finally:
        compose.road(
            "docker compose -f docker-compose.prod.yml --profile monitoring rm --stop --force prometheus probe"
        )
        command("docker", "volume", "rm", "--force", f"{compose.name}_prometheus-data")
        tell(compose)


def tell(compose: RunningCompose, **variables: int) -> None:
    """Have `setup` write everything anew, with other variables than those of .env."""
    given = [f"--env={name}={value}" for name, value in variables.items()]
    compose.compose("run", "--rm", "--no-deps", *given, "setup")


def until(holds: Callable[[], bool], what: str) -> None:
    """Wait until something holds."""
    end = time.monotonic() + PATIENCE
    while not holds():
        assert time.monotonic() < end, f"Prometheus never {what}"
        time.sleep(0.2)


def answering(server: Prometheus) -> set[str]:
    """Give the instances of which every one answers; with others none."""
    found = server.ask("query", query='up{job="parley"}')["result"]
    return {one["metric"]["instance"] for one in found} if all(one["value"][1] == "1" for one in found) else set()


def address(compose: RunningCompose, container: dict[str, Any]) -> str:
    """Give where nginx reaches a replica."""
    return str(container["NetworkSettings"]["Networks"][f"{compose.name}_front"]["IPAddress"])


def addresses(compose: RunningCompose) -> set[str]:
    """Give those of all replicas."""
    return {address(compose, one) for one in compose.containers("web")}


async def test_it_is_for_who_is_on_the_host(compose: RunningCompose, server: Prometheus) -> None:
    """A port of the host's own loopback, and none of it through nginx; hardened like the others."""
    (container,) = compose.containers("prometheus")
    locked([container])
    limited([container])
    ((where,),) = container["HostConfig"]["PortBindings"].values()
    assert f"http://{where['HostIp']}:{where['HostPort']}" == server.url
    assert where["HostIp"] == "127.0.0.1"
    users = command("docker", "top", container["Id"], "-eo", "pid,uid").splitlines()[1:]
    assert {line.split()[1] for line in users} == {"65534"}
    for path in ("/metrics", "/api/v1/targets", "/-/ready"):
        assert (await HttpClient(compose.address).get(path)).status == 404


def test_a_probe_goes_through_the_edge(compose: RunningCompose, server: Prometheus) -> None:
    """As a visitor of the site's own name; nothing of it is for who is outside."""
    (container,) = compose.containers("probe")
    locked([container])
    limited([container])
    assert not container["HostConfig"]["PortBindings"]
    asked = {"query": 'parley_probe_up{job="probe",instance="probe"} == 1'}
    until(lambda: bool(server.ask("query", **asked)["result"]), "heard of a message that came back")
    accepted = server.ask("query", query="parley_probe_certificate_accepted")["result"][0]["value"][1]
    assert accepted == "1", compose.compose("logs", "probe")
    left = server.ask("query", query="parley_probe_certificate_expires_seconds - time()")["result"][0]["value"][1]
    assert float(left) > 86_400


def test_every_replica_is_asked_and_every_alert_is_there(compose: RunningCompose, server: Prometheus) -> None:
    """Under the address that nginx's log has as its upstream, which Docker has a name for."""
    assert len(addresses(compose)) == 3
    until(lambda: answering(server) == addresses(compose), "asked all replicas")
    (group,) = server.ask("rules")["groups"]
    assert {rule["name"] for rule in group["rules"]} == {alert["alert"] for alert in alerts()}
    who = "docker network inspect parley_front -f '{{range .Containers}}{{.Name}} {{.IPv4Address}}{{println}}{{end}}'"
    said = compose.road(who, front=f"{compose.name}_front")
    for one in compose.containers("web"):
        assert f"{one['Name'].removeprefix('/')} {address(compose, one)}/" in said


def test_it_follows_the_replicas_and_fires_for_what_is_broken(compose: RunningCompose, server: Prometheus) -> None:
    """One more is asked as well; if it hangs it is still a target, and if it is gone there is one less than wanted."""
    server.until(quiet=True)
    before = {one["Id"] for one in compose.containers("web")}
    three = addresses(compose)
    (redis,) = compose.containers("redis")
    try:
        compose.road("docker compose -f docker-compose.prod.yml up -d --wait --no-recreate --scale web=4")
        tell(compose, PARLEY_SCRAPE_SECONDS=EVERY, PARLEY_REPLICAS=4)
        (fourth,) = addresses(compose) - three
        until(lambda: answering(server) == {*three, fourth}, "asked the fourth replica")
        try:
            command("docker", "pause", redis["Id"], *added(compose, before))
            server.until(("ParleyInstanceDown", fourth), *(("ParleyLayerDown", one) for one in three))
        finally:
            command("docker", "unpause", redis["Id"])
    finally:
        command("docker", "rm", "--force", *added(compose, before))
    server.until(("ParleyInstanceDown", "a replica"))
    assert answering(server) == three
    tell(compose, PARLEY_SCRAPE_SECONDS=EVERY)
    server.until(quiet=True)
    compose.until_healthy()


def added(compose: RunningCompose, before: set[str]) -> set[str]:
    """Give the replicas that were not there before."""
    return {one["Id"] for one in compose.containers("web", stopped=True)} - before
