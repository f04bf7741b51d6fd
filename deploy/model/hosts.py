"""Names and addresses that people may type: checked once, and written as each tier wants them."""

import ipaddress
import re

LABEL = re.compile(r"^(?!-)[a-z0-9-]{1,63}(?<!-)$")
LOOPBACK = ("localhost", "127.0.0.1", "::1")
LOOPBACK_NETWORKS = ("127.0.0.1/32", "::1/128")  # of these
# Of everything that a site's name names, a network interface takes the fewest characters: Compose's lock on it is one.
MOST_OF_A_SITE = 15
DEFAULT_SITE = "parley"
HTTPS = 443  # the port that an https URL leaves out
SITE = re.compile(r"[a-z]([a-z0-9-]*[a-z0-9])?")
# nginx takes it for the -1 with which inet_addr() says that it could not read an address.
BROADCAST = ipaddress.ip_network("255.255.255.255/32")
LEAST_OF_A_SUBNET = 8  # addresses: the network, broadcast, gateway, nginx, certbot, Prometheus, and two to spare
WIDEST = 8  # bits: with fewer, half of the Internet would be inside


def host(name: str) -> str:
    """Return a host name or address in its one spelling; raise ValueError that names it."""
    plain = name.strip().lower().removesuffix(".")
    if (found := address(plain)) is not None:
        if why := why_nobodys(found):
            raise ValueError(f"{name!r} {why}")
        return str(found)
    labels = plain.split(".")
    # A last label of digits alone is an address that was mistyped.
    if len(plain) > 253 or not all(LABEL.match(label) for label in labels) or labels[-1].isdigit():
        raise ValueError(f"{name!r} is not a host name or address, such as chat.example.com")
    return plain


def why_nobodys(found: ipaddress.IPv4Address | ipaddress.IPv6Address) -> str:
    """Say why no URL leads to an address; empty for one that has its visitors."""
    if found.is_unspecified:
        return "means every address of a machine, and no URL leads there: give the name or the address that people use"
    if found.is_multicast or found in BROADCAST:
        return "is the address of many machines, and no URL leads there"
    if isinstance(found, ipaddress.IPv6Address):
        if found.scope_id is not None:
            return "has a zone, which means something on one machine alone, and no URL can have it"
        if found.ipv4_mapped is not None:
            return f"is an IPv4 address in IPv6's spelling: give {found.ipv4_mapped}"
    return ""


def address(name: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """Return the address that a name spells, brackets or none, or None for a name."""
    try:
        return ipaddress.ip_address(name.removeprefix("[").removesuffix("]"))
    except ValueError:
        return None


def encodable(name: str) -> bool:
    """Tell whether the system can look a name up: an empty part, or one of 64 letters, it cannot."""
    try:
        name.encode("idna")
    except UnicodeError:
        return False
    return "\0" not in name


def site(name: str) -> str:
    """Return a site's name; raise ValueError for what a unit, a user, a role, a project or an interface cannot be."""
    if len(name) > MOST_OF_A_SITE or not SITE.fullmatch(name):
        raise ValueError(
            f"{name!r} is not a site's name: at most {MOST_OF_A_SITE} of a-z, 0-9 and -, a letter first, no - last"
        )
    if name != DEFAULT_SITE and name.startswith(DEFAULT_SITE):
        # An older one of the default site takes each unit `parley*` for its own, and removes what it does not know.
        raise ValueError(
            f"{name!r} is not a site's name: a release of {DEFAULT_SITE} would remove units that begin like its own"
        )
    return name


def in_url(name: str) -> str:
    """Write a host as URLs and Host headers do: an IPv6 address stands in brackets."""
    return f"[{name}]" if ":" in name else name


def origin(name: str, port: int, scheme: str = "https") -> str:
    """Write the Origin header that a browser sends for this host and port."""
    usual = {"https": 443, "http": 80}[scheme]
    return f"{scheme}://{in_url(name)}" + ("" if port == usual else f":{port}")


def network(text: str) -> str:
    """Return an address or network in its one spelling; raise ValueError that names it."""
    try:
        found = ipaddress.ip_network(text.strip(), strict=True)
    except ValueError:
        raise ValueError(f"{text!r} is not an address or network, such as 10.0.0.0/8") from None
    if "%" in text:
        raise ValueError(f"{text!r} has a zone, which means something on one machine alone")
    if found == BROADCAST:
        raise ValueError(f"{text!r} is everybody's address and nobody's, and nginx does not read it")
    return str(found)


def subnet(text: str) -> str:
    """Return a network that containers can be in, in its one spelling; raise ValueError that names it."""
    found = ipaddress.ip_network(network(text))
    if found.num_addresses < LEAST_OF_A_SUBNET or found.prefixlen < WIDEST:
        raise ValueError(f"{text!r} is no subnet for containers: give /{WIDEST} to /29, or of IPv6 /{WIDEST} to /125")
    if found.is_loopback or found.is_link_local or found.is_multicast:
        raise ValueError(f"{text!r} is no subnet for containers: take a private one, such as 172.30.5.0/24")
    return str(found)


def one_of_each(subnets: tuple[str, ...]) -> tuple[str, ...]:
    """Return them; raise ValueError for two of one kind."""
    if len({":" in one for one in subnets}) < len(subnets):
        raise ValueError("must be one subnet of IPv4, one of IPv6, or one of each")
    return subnets


def endpoint(text: str) -> str:
    """Return host:port in its one spelling; raise ValueError that names it."""
    name, colon, port = text.strip().rpartition(":")
    if not colon or not port.isdecimal() or not 1 <= int(port) <= 65_535:
        raise ValueError(f"{text!r} is not host:port, such as 10.0.0.7:26379")
    return f"{in_url(host(name))}:{int(port)}"
