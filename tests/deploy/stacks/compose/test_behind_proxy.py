"""Compose behind a proxy on the same host, which has the TLS; and what a stranger gets at that port."""

import asyncio
import json
import os
import secrets
import subprocess
from collections.abc import Iterator
from ipaddress import ip_network

import pytest

from deploy.effects.client.address import Address
from deploy.effects.client.http_client import HttpClient
from deploy.effects.client.websocket_client import connect
from deploy.operations.instance.metrics import ASK
from tests.checkout import ROOT
from tests.deploy.operations.rollout.releases import release
from tests.deploy.stacks.compose.owned import new_name
from tests.deploy.stacks.compose.stack import RunningCompose, command, road, running_compose
from tests.in_front import NAME, Proxy, needs
from tests.running import free_port

pytestmark = [pytest.mark.docker, pytest.mark.own_stack, pytest.mark.release, pytest.mark.timeout(400)]

TABLE = "[env.compose.site]\n"
HTTPS = 8443
ROOM = "lobby"
VISITOR = "127.0.0.77"


@pytest.fixture(scope="module")
def front(tmp_path_factory: pytest.TempPathFactory) -> tuple[int, int]:
    """The ports of the proxy and of what is behind it."""
    needs("nginx")
    return free_port(), free_port()


@pytest.fixture(scope="module")
def compose(engine: None, front: tuple[int, int], tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningCompose]:
    """The stack of a checkout whose parley.toml is that of the page, on a subnet of its own."""
    some = secrets.token_bytes(2)
    subnet = ip_network(f"10.{some[0]}.{some[1]}.0/24")
    tables = (
        f'{TABLE}tls = "none"\npublic = "https://{NAME}:{front[0]}"\n'
        f'subnets = ["{subnet}"]\ntrusted_proxies = ["{subnet[1]}"]\n'
    )
    root = release(tmp_path_factory.mktemp("behind") / "checkout", ("parley.toml", TABLE, tables))
    road("./parley render compose --out .", dict(os.environ), root)
    with running_compose(2, root, PARLEY_PORT=str(front[1])) as running:
        yield running


@pytest.fixture(scope="module")
def address(
    compose: RunningCompose, front: tuple[int, int], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Address]:
    """The way of a visitor."""
    folder = tmp_path_factory.mktemp("proxy") / "front"
    with Proxy("nginx", folder, *front).running():
        yield Address.at(f"https://{NAME}:{front[0]}").through("127.0.0.1", front[0])


async def test_what_people_open_leads_through_it(compose: RunningCompose, address: Address) -> None:
    """Pages, the form and sockets; and nginx knows whose they are."""
    async with asyncio.timeout(60):
        while True:
            try:
                cookie = await HttpClient(address).guest("Ada")
                break
            except ConnectionRefusedError:
                await asyncio.sleep(0.1)
    async with connect(address, cookie) as ada:
        await ada.welcome()
        await ada.join(ROOM)
        await ada.send_text(ROOM, "through both")
        assert (await ada.expect("entries"))["entries"][-1]["text"] == "through both"
    way = ["curl", "--insecure", "--silent", "--interface", VISITOR, "--output", "/dev/null", f"{address.origin}/seen/"]
    subprocess.run(way, check=True)  # noqa: ASYNC221 (a moment)
    lines = command("docker", "logs", compose.containers("edge")[0]["Id"]).splitlines()
    seen = [json.loads(line) for line in lines if '"/seen/"' in line]
    assert [one["address"] for one in seen] == [VISITOR]


def test_nobody_else_is_served(compose: RunningCompose, front: tuple[int, int]) -> None:
    """Neither another container of the network, nor anybody from outside of this host: the port is on loopback."""
    (edge,) = compose.containers("edge")
    ip = edge["NetworkSettings"]["Networks"][f"{compose.name}_public"]["IPAddress"]
    place = [f"--network={compose.name}_public", f"--name={new_name()}", "--entrypoint=curl", "nginx:1.30"]
    asked = [
        "--silent",
        "--output",
        "/dev/null",
        "--header",
        "X-Forwarded-For: 198.51.100.7",
        "--write-out",
        "%{http_code}",
    ]
    assert command("docker", "run", "--rm", *place, *asked, f"http://{ip}:{HTTPS}/").strip() == "403"
    assert {one["HostIp"] for ports in edge["NetworkSettings"]["Ports"].values() for one in ports or ()} == {
        "127.0.0.1"
    }


def test_the_doctor_and_the_probe_come_past_the_proxy(compose: RunningCompose, address: Address) -> None:
    """And ask the public address too."""
    words = [
        str(ROOT / ".venv/bin/python"),
        "-P",
        "-m",
        "deploy",
        "doctor",
        "--stack",
        "compose",
        "--json",
        "--wait",
        "30",
    ]
    env = compose.variables | {"PYTHONPATH": str(compose.root)}
    done = subprocess.run(words, cwd=compose.root, env=env, capture_output=True, text=True, check=False)
    found = json.loads(done.stdout)
    assert [one for one in found if one["verdict"] == "broken"] == []
    said = {one["id"]: one["evidence"] for one in found}
    assert said["public-address-answers"] == f"{address.origin} answers, and opens sockets"
    try:
        compose.compose("--profile", "monitoring", "up", "--detach", "--wait", "--no-deps", "probe")
        [probe] = compose.containers("probe")
        metrics = command("docker", "exec", probe["Id"], "python", "-c", ASK, "127.0.0.1:9100")
        assert "\nparley_probe_up 1.0\n" in metrics
    finally:
        compose.compose("--profile", "monitoring", "rm", "--stop", "--force", "probe")
