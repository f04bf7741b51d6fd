"""An installed site that gets a proxy in front, as docs/deploying.md changes its parley.toml."""

import json
from collections.abc import Iterator

import pytest

from deploy.effects.client.address import Address
from deploy.effects.client.http_client import guest
from deploy.effects.client.websocket_client import connect
from tests.deploy.stacks.systemd.host import Installed, relayed

pytestmark = [pytest.mark.systemd, pytest.mark.release, pytest.mark.timeout(600)]

TOML = "/etc/parley/parley.toml"
PUBLIC = "https://localhost:9443"
BEHIND = f'tls = "none"\nport = 8080\npublic = "{PUBLIC}"\ntrusted_proxies = ["127.0.0.1"]\n'


@pytest.fixture
def behind(systemd: Installed) -> Iterator[Installed]:
    """Its site, with the TLS elsewhere; and as it was, after."""
    host, file = systemd.host, systemd.host.path(TOML)
    before = file.read_text()
    assert "[site]" not in before
    try:
        file.write_text(f"{before}\n[site]\n{BEHIND}")
        for command in (("install",), ("rollout", "--stack", "systemd", "--again")):
            host.parley(*command)
        yield systemd
    finally:
        file.write_text(before)
        for command in (("install",), ("rollout", "--stack", "systemd", "--again")):
            host.parley(*command)
        host.until_ready()


async def test_it_is_served_to_the_proxy(behind: Installed) -> None:
    """Pages, forms and sockets, whose visitors are known; the doctor and the probe come past the proxy."""
    with relayed(behind.host, 8080) as port:
        address = Address.at(PUBLIC).bound(f"127.0.0.1:{port}")
        async with connect(address, await guest(address, "Ada")) as ada:
            await ada.welcome()
            await ada.join("lobby")
            sent = await ada.send_text("lobby", "behind a proxy")
            assert (await ada.entry("lobby", sent["seq"]))["text"] == "behind a proxy"
    done = behind.host.parley("doctor", "--stack", "systemd", "--json", "--wait", "30", check=False)
    broken = {one["id"]: one["evidence"] for one in json.loads(done.stdout) if one["verdict"] == "broken"}
    assert set(broken) == {"public-address-answers"}, "nobody listens there in this test"
