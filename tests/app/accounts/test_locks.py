"""Who guesses passwords is locked out; those whose names they guess, and their neighbours, are not."""

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from accounts import limits
from accounts.cleanup import cleanup
from accounts.credentials import BadCredentials, Locked, credentials_check
from accounts.models import KnownAddress, LoginTry, User

pytestmark = pytest.mark.django_db
PASSWORD = "a long enough one"
HOME, OFFICE = "192.0.2.7", "2001:db8:1:2::7"


@pytest.fixture
def ada() -> User:
    """Somebody who signed up."""
    return User.objects.create_user("ada", password=PASSWORD, name="Ada")


def enter(username: str, address: str, password: str = PASSWORD) -> str:
    """Try to log in; return what came of it."""
    try:
        credentials_check(username=username, password=password, address=address)
    except BadCredentials:
        return "wrong"
    except Locked:
        return "locked"
    return "in"


def guess(username: str, number: int) -> str:
    """Guess so often, from as many addresses as it takes; return the last answer."""
    places = [f"198.51.100.{place}" for place in range(number // limits.TRIES_PER_PERSON + 1)]
    for turn in range(number):
        enter(username, places[turn // limits.TRIES_PER_PERSON], "a guess")
    return enter(username, places[-1], "a guess")


def test_where_somebody_logged_in_before_nobody_elsewhere_locks_them_out(ada: User) -> None:
    """Fifty guesses from ten addresses lock the name everywhere but there."""
    assert enter("ada", HOME) == enter("ada", OFFICE) == "in"
    assert guess("ada", limits.TRIES_PER_USERNAME) == "locked"
    assert enter("ada", HOME) == "in"
    assert enter("ada", "2001:db8:1:2:ffff::1") == "in"  # the same line of IPv6
    assert enter("ada", "192.0.2.8") == "locked"


def test_who_guesses_locks_no_neighbour_out_who_logged_in_there_before(ada: User) -> None:
    """A hundred tries of other names lock the address, but for those who are known there."""
    User.objects.create_user("eva", password=PASSWORD)
    assert enter("ada", OFFICE) == "in"
    for number in range(limits.TRIES_PER_ADDRESS):
        assert enter(f"nobody {number}", OFFICE, "a guess") == "wrong"
    assert enter("nobody", OFFICE, "a guess") == "locked"
    assert enter("ada", OFFICE) == "in"
    assert enter("eva", OFFICE) == "locked"


def test_a_known_address_may_guess_no_more_often_than_others(ada: User) -> None:
    """Somebody else's line is known to them: five tries, as everywhere."""
    assert enter("ada", HOME) == "in"
    assert [enter("ada", HOME, "a guess") for _ in range(6)] == ["wrong"] * 5 + ["locked"]
    assert enter("ada", HOME) == "locked"


def test_a_line_of_ipv6_is_one_address() -> None:
    """Its owner has 2⁶⁴ of them."""
    answers = [enter("ada", f"2001:db8:1:2::{number:x}", "a guess") for number in range(limits.TRIES_PER_PERSON + 1)]
    assert answers == ["wrong"] * limits.TRIES_PER_PERSON + ["locked"]
    assert enter("ada", "2001:db8:1:3::1", "a guess") == "wrong"
    assert set(LoginTry.objects.values_list("address", flat=True)) == {"2001:db8:1:2::/64", "2001:db8:1:3::/64"}


def test_the_pages_know_addresses_too(client: Client, ada: User) -> None:
    """A log-in, one through the admin, and a sign-up; by name as it is looked up, and once."""
    User.objects.filter(pk=ada.pk).update(is_staff=True)
    for _ in range(2):
        client.post("/accounts/login/", {"username": "ada", "password": PASSWORD}, REMOTE_ADDR=HOME)
    client.post("/admin/login/", {"username": "ada", "password": PASSWORD}, REMOTE_ADDR=OFFICE)
    fields = {"username": "Eva", "name": "Eva", "password1": PASSWORD, "password2": PASSWORD}
    client.post("/accounts/signup/", fields, REMOTE_ADDR=HOME)
    client.post("/accounts/login/", {"username": "nobody", "password": PASSWORD}, REMOTE_ADDR=HOME)
    known = list(KnownAddress.objects.order_by("pk").values_list("username", "address"))
    assert known == [("ada", HOME), ("ada", "2001:db8:1:2::/64"), ("eva", HOME)]


def test_an_address_is_forgotten_when_nobody_used_it_for_long(ada: User) -> None:
    """And not before."""
    assert enter("ada", HOME) == enter("ada", OFFICE) == "in"
    old = timezone.now() - timedelta(seconds=limits.KNOWN_ADDRESS_SECONDS + 60)
    KnownAddress.objects.filter(address=HOME).update(at=old)
    assert cleanup()["addresses"] == 1
    assert KnownAddress.objects.get().address == "2001:db8:1:2::/64"


def log_in(client: Client, password: str = PASSWORD, address: str = OFFICE) -> str:
    """Try to log in as ada by the page; return what came of it."""
    answer = client.post("/accounts/login/", {"username": "Ada", "password": password}, REMOTE_ADDR=address)
    return "in" if answer.status_code == 302 else "locked" if "Too many tries" in answer.content.decode() else "wrong"


@pytest.fixture
def own(ada: User) -> Client:
    """The browser of ada, who is logged out: the session is gone, and what the browser keeps is there."""
    User.objects.filter(pk=ada.pk).update(username="Ada")
    client = Client()
    assert log_in(client, address=HOME) == "in"
    client.post("/accounts/logout/", REMOTE_ADDR=HOME)
    del client.cookies["sessionid"]
    return client


def test_somebody_at_the_same_address_locks_no_browser_out_that_its_person_came_in_with(own: Client) -> None:
    """Neither with tries of the name, nor of other names, nor where the person never was; others stay locked."""
    assert [log_in(Client(), "a guess") for _ in range(6)] == ["wrong"] * 5 + ["locked"]
    for number in range(limits.TRIES_PER_ADDRESS):
        enter(f"nobody {number}", OFFICE, "a guess")
    assert guess("ada", limits.TRIES_PER_USERNAME) == "locked"
    assert log_in(Client()) == "locked"
    assert [log_in(own) for _ in range(2 * limits.TRIES_PER_PERSON)] == ["in"] * 2 * limits.TRIES_PER_PERSON


def test_a_browser_has_tries_for_its_own_people_alone(own: Client) -> None:
    """Five of their own, then those of the address; for another name it counts as any other browser."""
    answers = [log_in(own, "a guess") for _ in range(2 * limits.TRIES_PER_PERSON + 1)]
    assert answers == ["wrong"] * 2 * limits.TRIES_PER_PERSON + ["locked"]
    assert log_in(own) == "locked"
    User.objects.create_user("eva", password=PASSWORD)
    fields = {"username": "eva", "password": "a guess"}
    tries = [own.post("/accounts/login/", fields, REMOTE_ADDR=HOME).content.decode() for _ in range(6)]
    assert ["Too many tries" in answer for answer in tries] == [False] * 5 + [True]


def test_more_browsers_and_more_log_ins_of_others_give_no_more_tries(own: Client) -> None:
    """All browsers of a person share the tries; what a browser keeps is new with each log-in, the count is not."""
    User.objects.create_user("eva", password=PASSWORD)
    answers = []
    for _ in range(2 * limits.TRIES_PER_PERSON + 1):
        own.post("/accounts/login/", {"username": "eva", "password": PASSWORD}, REMOTE_ADDR=OFFICE)
        answers.append(log_in(own, "a guess"))
    assert answers[-1] == "locked"


def test_what_no_browser_of_ours_keeps_is_nothing(own: Client) -> None:
    """A cookie with the person's id that was not signed here."""
    forged = Client()
    forged.cookies["sessionid_people"] = own.cookies["sessionid_people"].value + "x"
    assert [log_in(forged, "a guess") for _ in range(6)] == ["wrong"] * 5 + ["locked"]
    assert log_in(forged) == "locked"
    assert log_in(own) == "in"
