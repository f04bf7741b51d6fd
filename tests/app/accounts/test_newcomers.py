"""How many people one address may make, by whichever way in."""

from datetime import timedelta
from ipaddress import ip_network

import pytest
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from accounts import limits
from accounts.cleanup import cleanup
from accounts.models import Newcomer, User
from accounts.newcomers import TooManyPeople, newcomer_admit

pytestmark = pytest.mark.django_db
HERE, THERE = "192.0.2.7", "192.0.2.8"
PASSWORD = "a long enough one"


@pytest.fixture(autouse=True)
def _few(monkeypatch: pytest.MonkeyPatch) -> None:
    """Five, not five hundred."""
    monkeypatch.setattr(limits, "PEOPLE_PER_ADDRESS", 5)


def guest(address: str) -> int:
    """Come as a guest, in a browser of one's own; return the status."""
    return Client().post("/accounts/guest/", {"name": "Eva"}, REMOTE_ADDR=address).status_code


def sign_up(username: str, address: str) -> int:
    """Sign up, in a browser of one's own; return the status."""
    fields = {"username": username, "name": "Eva", "password1": PASSWORD, "password2": PASSWORD}
    return Client().post("/accounts/signup/", fields, REMOTE_ADDR=address).status_code


def test_guests_and_sign_ups_share_one_limit() -> None:
    """The sixth is refused, by either way in, and another address is not."""
    assert [guest(HERE), guest(HERE), guest(HERE), sign_up("eva1", HERE), sign_up("eva2", HERE)] == [302] * 5
    assert (guest(HERE), sign_up("eva9", HERE)) == (429, 429)
    assert (guest(THERE), sign_up("eva9", THERE)) == (302, 302)
    assert User.objects.count() == 7


def test_a_refusal_says_when_to_come_again() -> None:
    """In Retry-After, and in words; the name that was typed is still there."""
    for _ in range(5):
        newcomer_admit(address=HERE)
    Newcomer.objects.update(at=timezone.now() - timedelta(seconds=limits.PEOPLE_SECONDS - 90))
    answer = Client().post("/accounts/guest/", {"name": "Eva"}, REMOTE_ADDR=HERE)
    assert 80 <= int(answer["Retry-After"]) <= 90
    page = answer.content.decode()
    assert "Too many new people came from your network. Wait 2 minutes." in page
    assert 'value="Eva"' in page


def test_who_is_refused_does_not_prolong_the_wait() -> None:
    """And what is older than an hour does not count."""
    for _ in range(5):
        newcomer_admit(address=HERE)
    for _ in range(5):
        with pytest.raises(TooManyPeople):
            newcomer_admit(address=HERE)
    assert Newcomer.objects.count() == 5
    Newcomer.objects.update(at=timezone.now() - timedelta(seconds=limits.PEOPLE_SECONDS + 1))
    newcomer_admit(address=HERE)
    assert cleanup()["newcomers"] == 5


def test_a_guest_who_takes_another_name_is_nobody_new(client: Client) -> None:
    """However often."""
    for number in range(9):
        assert client.post("/accounts/guest/", {"name": f"Eva {number}"}).status_code == 302
    assert Newcomer.objects.count() == User.objects.count() == 1


def test_a_form_with_errors_makes_nobody() -> None:
    """Nothing is counted."""
    for _ in range(9):
        assert sign_up("", HERE) == 400
    assert not Newcomer.objects.exists()


def test_a_line_of_ipv6_is_one_address() -> None:
    """And the next line another one."""
    assert [guest(f"2001:db8:1:2::{number}") for number in range(1, 7)] == [302] * 5 + [429]
    assert guest("2001:db8:1:3::1") == 302


def test_the_operators_own_machine_has_no_limit(settings: Settings) -> None:
    """As nginx has none for it in `up`."""
    settings.UNLIMITED = (ip_network("127.0.0.0/8"), ip_network("::1"))
    assert {guest(address) for address in ("127.0.0.1", "::1") for _ in range(7)} == {302}
    assert [guest("192.0.2.7") for _ in range(6)] == [302] * 5 + [429]
    assert guest("no address") == 302
