"""Where names lead, and what is said of visitors by IPv6, for answers of the resolver and of Docker that differ."""

import asyncio
import socket
from collections.abc import Iterator
from typing import Any

import pytest

from deploy.effects.client.address import Address
from deploy.model.capacity import declared
from deploy.model.config import Config
from deploy.operations.doctor.check import Broken
from deploy.operations.doctor.checks import names
from deploy.operations.doctor.target import Bridge, Target

NAME = "chat.example.com"
V4, V6 = "172.30.5.0/24", "fd12:3456:789a::/64"


class Adapter:
    """A stack of which these checks ask two things."""

    def __init__(self, port: int, bridge: Bridge | None = None) -> None:
        self.address = Address.at(f"https://localhost:{port}")
        self._bridge = bridge

    def bridge(self) -> Bridge | None:
        """Give the network."""
        return self._bridge


def target(adapter: Adapter, **site: Any) -> Target:
    """Give a stack on Compose with that name."""
    config = Config.model_validate({"site": {"hosts": [NAME, "192.0.2.7"], **site}})
    return Target("compose", config, declared(config), adapter)  # type: ignore[arg-type]


@pytest.fixture
def port() -> Iterator[int]:
    """Somebody listens at it, on one address of this machine."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


@pytest.fixture
def known(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The addresses of the name."""
    real, addresses = socket.getaddrinfo, list[str]()

    def found(host: str, *args: Any, **kwargs: Any) -> list[Any]:
        if host != NAME:
            return real(host, *args, **kwargs)
        if not addresses:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return [one for address in addresses for one in real(address, *args, **kwargs)]

    monkeypatch.setattr(socket, "getaddrinfo", found)
    return addresses


def test_an_address_where_nothing_answers_is_named_beside_one_that_does(port: int, known: list[str]) -> None:
    """By the name that has it."""
    known[:] = ["127.0.0.1", "127.0.0.2"]
    with pytest.raises(Broken, match=rf"^{NAME}: nothing answers at 127\.0\.0\.2, port {port}; 127\.0\.0\.1 answers$"):
        asyncio.run(names.lead_here(target(Adapter(port))))


def test_a_name_that_leads_elsewhere_is_not_judged(port: int, known: list[str]) -> None:
    """To a balancer with a port of its own, or nowhere: this machine cannot tell what visitors meet."""
    nobody = f"{NAME}: no address of it answers to this machine"
    assert asyncio.run(names.lead_here(target(Adapter(port)))) == nobody
    known[:] = ["127.0.0.2"]
    assert asyncio.run(names.lead_here(target(Adapter(port)))) == nobody
    known[:] = ["127.0.0.1"]
    assert asyncio.run(names.lead_here(target(Adapter(port)))) == f"{NAME}: 127.0.0.1"
    assert asyncio.run(names.lead_here(target(Adapter(port), hosts=["192.0.2.7"]))) == "site.hosts has no names"


def test_an_address_that_this_machine_has_no_way_to_is_not_judged(
    port: int, known: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A host without IPv6 says nothing of the AAAA record."""
    known[:] = ["127.0.0.1", "2001:db8::7"]
    real = asyncio.open_connection

    async def dialled(host: str, *args: Any) -> Any:
        if ":" in host:
            raise OSError(101, "Network is unreachable")
        return await real(host, *args)

    monkeypatch.setattr(asyncio, "open_connection", dialled)
    assert asyncio.run(names.lead_here(target(Adapter(port)))) == f"{NAME}: 127.0.0.1"


def seen(known: list[str], addresses: list[str], *subnets: str, engine: int = 27, **site: Any) -> str:
    """Give what is said of a network with these subnets, where the name has these addresses."""
    known[:] = addresses
    adapter = Adapter(8443, Bridge(frozenset(subnets), engine))
    return asyncio.run(names.keep_addresses(target(adapter, **site)))


def test_who_comes_by_ipv6_needs_a_network_that_has_it(known: list[str]) -> None:
    """It is broken where a name leads there by IPv6, and a remark where none does; a balancer says who it is."""
    remark = f"{V4}; visitors by IPv6 would all have the address of Docker's bridge"
    assert seen(known, ["192.0.2.7"], V4) == remark
    assert seen(known, ["::1"], V4) == remark
    assert seen(known, ["2001:db8::7"], V4, trusted_proxies=["10.0.0.0/8"]) == remark
    with pytest.raises(Broken, match=rf"^{NAME} leads to 2001:db8::7, and {V4} has no IPv6: "):
        seen(known, ["192.0.2.7", "2001:db8::7"], V4)
    assert seen(known, ["2001:db8::7"], V4, V6, subnets=[V6]) == f"{V4}, {V6}"
    assert seen(known, ["2001:db8::7"], V4, V6, engine=26) == (
        f"{V4}, {V6}; Docker Engine 26 rewrites IPv6 addresses, unless its ip6tables is on"
    )


def test_a_network_of_before_is_named(known: list[str]) -> None:
    """`up` makes it once."""
    with pytest.raises(Broken, match=rf"^site.subnets has {V6}, and nginx's network has {V4}$"):
        seen(known, [], V4, subnets=[V4, V6])
