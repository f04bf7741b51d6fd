"""Where the site's names lead, by IPv4 and by IPv6, and whose address nginx sees of who comes that way."""

import asyncio
import errno
import ipaddress
import socket
from contextlib import suppress

from deploy.model.config import LOCAL
from deploy.model.hosts import LOOPBACK, address
from deploy.operations.doctor.check import Check, require
from deploy.operations.doctor.target import Target

SECONDS = 5.0
# This machine has no way there, so it cannot tell: visitors may have one.
NO_WAY = {errno.ENETUNREACH, errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT}
IP6TABLES_SINCE = 27  # the Docker Engine that hands IPv6 addresses on without being told to


def _names(target: Target) -> list[str]:
    """Give those of site.hosts that are no addresses. `up` itself listens on both loopback addresses."""
    hosts = target.config.site.hosts or (LOOPBACK[:1] if target.stack == LOCAL else ())
    return [name for name in hosts if address(name) is None]


async def _addresses(name: str, port: int) -> list[str]:
    """Look up A and AAAA."""
    with suppress(socket.gaierror, TimeoutError):
        async with asyncio.timeout(SECONDS):
            found = await asyncio.get_running_loop().getaddrinfo(name, port, type=socket.SOCK_STREAM)
        return list(dict.fromkeys(str(place[0]) for *_, place in found))
    return []


async def _answers(host: str, port: int) -> bool | None:
    """Tell whether somebody listens there; None where this machine cannot tell."""
    try:
        async with asyncio.timeout(SECONDS):
            _, writer = await asyncio.open_connection(host, port)
    except TimeoutError:
        return False
    except OSError as error:
        return None if error.errno in NO_WAY else False
    writer.transport.abort()
    return True


async def lead_here(target: Target) -> str:
    """Dial each address of each name."""
    port, said = target.adapter.address.port, []
    for name in _names(target):
        found = await _addresses(name, port)
        answers = dict(zip(found, await asyncio.gather(*(_answers(one, port) for one in found)), strict=True))
        heard = ", ".join(one for one, answer in answers.items() if answer)
        silent = ", ".join(one for one, answer in answers.items() if answer is False)
        # Where nothing answers at any, this machine is behind something that lets visitors in at another port.
        require(not (heard and silent), f"{name}: nothing answers at {silent}, port {port}; {heard} answers")
        said.append(f"{name}: {heard or 'no address of it answers to this machine'}")
    return "; ".join(said) or "site.hosts has no names"


async def keep_addresses(target: Target) -> str:
    """Look at the network of nginx's container, and at whether visitors by IPv6 come."""
    bridge, site = target.adapter.bridge(), target.config.site
    missing = sorted(set(site.subnets) - bridge.subnets)
    there = ", ".join(sorted(bridge.subnets))
    require(not missing, f"site.subnets has {', '.join(missing)}, and nginx's network has {there}")
    if any(":" in one for one in bridge.subnets):
        if bridge.engine >= IP6TABLES_SINCE:
            return there
        return f"{there}; Docker Engine {bridge.engine} rewrites IPv6 addresses, unless its ip6tables is on"
    for name in () if site.trusted_proxies else _names(target):
        for one in await _addresses(name, target.adapter.address.port):
            is_public = ":" in one and not ipaddress.ip_address(one.partition("%")[0]).is_loopback
            require(not is_public, f"{name} leads to {one}, and {there} has no IPv6: all who come so have one address")
    return f"{there}; visitors by IPv6 would all have the address of Docker's bridge"


CHECKS = (
    Check(
        "names-lead-here",
        "where one address of a name of the site answers, its others answer too, by IPv4 and by IPv6",
        "looks up A and AAAA of each name of site.hosts, and opens a connection to each address",
        "correct the record in the DNS, or have the host listen there; an address that only a router in front has"
        " may answer to others: ask from another machine",
        "docs/deploying.md",
        lead_here,
        ("edge-answers",),
    ),
    Check(
        "visitors-keep-their-addresses",
        "nginx's network has the subnets of site.subnets, and one of IPv6 where a name of the site has an IPv6 address",
        "reads the network of nginx's container, and looks up AAAA of each name of site.hosts",
        "set site.subnets, render the Compose file, then `docker compose -f docker-compose.prod.yml down` and `up`",
        "docs/deploying.md",
        keep_addresses,
        ("edge-answers",),
        ("compose",),
    ),
)
