"""A visitor gets in the way a browser does."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from deploy.effects.client.address import Address
from deploy.effects.client.http_client import HttpClient, LoginError, guest
from tests.deploy.operations.drill.fake import Fake
from tests.deploy.operations.drill.front import Front, front_of


@pytest.fixture
async def front(fake: Fake) -> AsyncIterator[Front]:
    """A site with a guest form."""
    async with front_of(fake) as front:
        yield front


async def test_a_guest_gets_a_session(front: Front) -> None:
    """Token, Origin and Referer are right, and the cookies come back as one header."""
    cookie = await guest(front.address, "Ánna")
    assert cookie == "csrftoken=token; sessionid=s"
    assert front.guests == ["Ánna"]


async def test_a_refused_guest_is_told_why(front: Front) -> None:
    """The error has the path and the status."""
    front.open = False
    with pytest.raises(LoginError, match="POST /accounts/guest/ answered 403"):
        await guest(front.address, "Ann")


async def test_nobody_there_is_an_os_error() -> None:
    """A port that nobody listens on is no hang and no other error."""
    with pytest.raises(OSError, match="refused"):
        await HttpClient(Address.at("http://127.0.0.1:1"), timeout=1).get("/")


def test_an_address_knows_what_to_dial() -> None:
    """The site stays the same whichever way it is reached."""
    site = Address.at("https://localhost:8443/rooms/lobby/")
    assert (site.origin, site.host, site.port, site.secure) == ("https://localhost:8443", "localhost:8443", 8443, True)
    assert site.tls is not None
    instance = site.instance(Path("web-1.sock"))
    assert instance.tls is None
    assert instance.forwarded["X-Forwarded-Proto"] == "https"
    assert site.through("127.0.0.1", 9).via == ("127.0.0.1", 9)
    assert Address.at("https://chat.example").port == 443


def test_certificates_are_only_unchecked_on_loopback() -> None:
    """A self-signed certificate is fine where nobody can sit in between, and nowhere else."""
    for name, checked in (("localhost", False), ("127.0.0.1", False), ("[::1]", False), ("chat.example", True)):
        context = Address.at(f"https://{name}:8443").tls
        assert context is not None
        assert context.check_hostname is checked


@pytest.mark.parametrize("url", ["localhost:8443", "ws://localhost", "https://"])
def test_what_is_no_site_is_refused(url: str) -> None:
    """A wrong address is named."""
    with pytest.raises(ValueError, match="not an http or https address"):
        Address.at(url)
