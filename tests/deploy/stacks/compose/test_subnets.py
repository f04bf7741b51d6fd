"""Subnets of one's own for the network that nginx is in: they stay, and visitors by IPv6 keep their addresses."""

import json
import os
import secrets
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from ipaddress import IPv6Network, ip_network

import pytest

from tests.checkout import ROOT
from tests.deploy.operations.rollout.releases import change, release
from tests.deploy.stacks.compose.owned import new_name
from tests.deploy.stacks.compose.stack import RunningCompose, command, road, running_compose

pytestmark = [pytest.mark.docker, pytest.mark.own_stack, pytest.mark.timeout(300)]

TABLE = "[env.compose.site]\n"
HTTPS, HTTP = 8443, 8080


@dataclass(frozen=True)
class Subnets:
    """Two that nobody else on this engine has: its own pools lie elsewhere."""

    v4: str
    v6: str

    @classmethod
    def new(cls) -> "Subnets":
        """Choose them."""
        some = secrets.token_bytes(5)
        return cls(f"10.{some[0]}.{some[1]}.0/24", f"fd{some[0]:02x}:{some[1:3].hex()}:{some[3:].hex()}::/64")

    def address(self, number: int) -> str:
        """Give one of the IPv6 subnet."""
        return str(IPv6Network(self.v6)[number])


@pytest.fixture(scope="module")
def subnets() -> Subnets:
    """Of this module's stack."""
    return Subnets.new()


@pytest.fixture(scope="module")
def compose(engine: None, subnets: Subnets, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningCompose]:
    """The stack of a checkout whose parley.toml names them."""
    named = f"{TABLE}subnets = {json.dumps([subnets.v4, subnets.v6])}\n"
    root = release(tmp_path_factory.mktemp("subnets") / "checkout", ("parley.toml", TABLE, named))
    road("./parley render compose --out .", dict(os.environ), root)
    with running_compose(1, root) as running:
        yield running


def network(compose: RunningCompose) -> dict[str, list[str]]:
    """Give the subnets of the network that people reach nginx over, and nginx's addresses in it."""
    (found,) = json.loads(command("docker", "network", "inspect", f"{compose.name}_public"))
    (edge,) = compose.containers("edge")
    place = edge["NetworkSettings"]["Networks"][f"{compose.name}_public"]
    return {
        "subnets": sorted(str(ip_network(one["Subnet"])) for one in found["IPAM"]["Config"]),
        "edge": [place["IPAddress"], place["GlobalIPv6Address"]],
    }


def visit(compose: RunningCompose, address: str, url: str) -> str:
    """Ask for a page from another machine, a container with this address; give the status."""
    place = [f"--network={compose.name}_public", f"--ip6={address}", f"--name={new_name()}"]
    curl = ["--entrypoint=curl", "nginx:1.30", "--silent", "--insecure", "--globoff", "--output", "/dev/null"]
    asked = ["--header", f"Host: {compose.address.host}", "--write-out", "%{http_code}", "--max-time", "10", url]
    said = command("docker", "run", "--rm", *place, *curl, *asked)
    return said.strip()


def visitors(compose: RunningCompose) -> set[str]:
    """Give the addresses in nginx's log."""
    found = set()
    for line in command("docker", "logs", compose.containers("edge")[0]["Id"]).splitlines():
        with suppress(ValueError, TypeError, KeyError):  # lines of its error log
            found.add(json.loads(line)["address"])
    return found


def test_a_visitor_by_ipv6_keeps_its_address(compose: RunningCompose, subnets: Subnets) -> None:
    """nginx, which counts by address, listens on both families and sees whose it is; pages come through to Django."""
    visitor = subnets.address(0x99)
    edge = network(compose)["edge"][1]
    assert visit(compose, visitor, f"https://[{edge}]:{HTTPS}/accounts/login/") == "200"
    assert visit(compose, visitor, f"http://[{edge}]:{HTTP}/") == "308"
    assert visitor in visitors(compose)


def broken(compose: RunningCompose) -> dict[str, str]:
    """Give what the doctor of that checkout finds, with its evidence."""
    words = [str(ROOT / ".venv/bin/python"), "-P", "-m", "deploy", "doctor", "--stack", "compose", "--json"]
    env = compose.variables | {"PYTHONPATH": str(compose.root)}
    done = subprocess.run(words, cwd=compose.root, env=env, capture_output=True, text=True, check=False)
    return {one["id"]: one["evidence"] for one in json.loads(done.stdout) if one["verdict"] == "broken"}


def test_the_doctor_names_a_network_of_before(compose: RunningCompose, subnets: Subnets) -> None:
    """Somebody changed site.subnets, and `up` alone made no network."""
    render, other = "./parley render compose --out .", Subnets.new()
    assert broken(compose) == {}
    change(compose.root, ("parley.toml", subnets.v4, other.v4))
    try:
        compose.road(render, compose.root)
        there = f"nginx's network has {subnets.v4}, {subnets.v6}"
        found = {"visitors-keep-their-addresses": f"site.subnets has {other.v4}, and {there}"}
        assert broken(compose) == found
    finally:
        change(compose.root, ("parley.toml", other.v4, subnets.v4))
        compose.road(render, compose.root)


def test_they_stay_when_another_network_was_made_meanwhile(compose: RunningCompose, subnets: Subnets) -> None:
    """`trusted_proxies` names the same network after `down` and `up`."""
    wanted = sorted([subnets.v4, subnets.v6])
    assert network(compose)["subnets"] == wanted
    compose.road("docker compose -f docker-compose.prod.yml down", compose.root)
    other = new_name()
    command("docker", "network", "create", other)
    try:
        compose.road("docker compose -f docker-compose.prod.yml up -d --wait", compose.root)
        assert network(compose)["subnets"] == wanted
    finally:
        command("docker", "network", "rm", other)
