"""What a limit per address counts."""

import pytest

from parley_serving.addresses import network, network_of


@pytest.mark.parametrize(
    ("address", "counted"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2::7", "2001:db8:1:2::/64"),
        ("2001:db8:1:2:ffff:ffff:ffff:ffff", "2001:db8:1:2::/64"),
        ("2001:DB8:1:2:0::1", "2001:db8:1:2::/64"),
        ("2001:db8:1:3::7", "2001:db8:1:3::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("::1", "::1"),
        ("", ""),
        ("no address" * 9, ("no address" * 9)[:45]),
    ],
)
def test_what_an_address_is_counted_as(address: str, counted: str) -> None:
    """A line of IPv6 has one name, whichever of its addresses it uses."""
    assert network(address) == counted


def test_the_client_of_a_scope() -> None:
    """A unix socket without a proxy has none."""
    assert network_of({"client": ("2001:db8::9", 5)}) == "2001:db8::/64"
    assert network_of({"client": None}) == network_of({}) == ""
