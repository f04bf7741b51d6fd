"""What a limit per address counts."""

import ipaddress
from typing import Any

LINE_BITS = 64  # of an IPv6 address, what a provider gives one line: the other 64 bits its owner chooses at will
TEXT_CHARACTERS = 45  # of the longest address; what is none is cut to it


def network(address: str) -> str:
    """Return what an address is counted as: an IPv4 address itself, an IPv6 address by its /64.

    An IPv4 address that is written as IPv6 is counted as IPv4. What is no address stays as it is.
    """
    try:
        found = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address[:TEXT_CHARACTERS]
    if isinstance(found, ipaddress.IPv4Address) or found.is_loopback:
        return str(found)
    if found.ipv4_mapped is not None:
        return str(found.ipv4_mapped)
    return str(ipaddress.IPv6Network((found, LINE_BITS), strict=False))


def network_of(scope: Any) -> str:
    """Return what the client of an ASGI scope is counted as, by the address that the trusted proxy names."""
    client = scope.get("client")
    return network(client[0]) if client else ""
