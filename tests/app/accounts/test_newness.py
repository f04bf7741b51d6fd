"""Somebody banned who comes as somebody new: by the same browser not at all, from the same address not as a guest."""

from datetime import timedelta

import pytest
from django.contrib.auth import SESSION_KEY
from django.core import signing
from django.test import Client
from django.utils import timezone
from prometheus_client import REGISTRY

from accounts import limits
from accounts.cleanup import cleanup
from accounts.models import LastAddress, Revocation, User
from accounts.newness import SALT, BannedBefore, address_ask
from accounts.services import person_ban
from accounts.sessions import session_open

pytestmark = pytest.mark.django_db
PASSWORD = "a long enough one"
HERE, THERE = "192.0.2.7", "192.0.2.8"
SIGN_UP = {"username": "anew", "name": "Anew", "password1": PASSWORD, "password2": PASSWORD}
COOKIE = "sessionid_people"


def come(client: Client, *, by: str = "guest", address: str = HERE) -> int:
    """Come as somebody new, and return the status."""
    fields = {"name": "Eva"} if by == "guest" else SIGN_UP
    return client.post(f"/accounts/{by}/", fields, REMOTE_ADDR=address).status_code


def refused() -> float:
    """Return how often somebody banned was refused."""
    return REGISTRY.get_sample_value("parley_refused_total", {"code": "banned"}) or 0.0


@pytest.fixture
def eva(client: Client) -> User:
    """A guest at a browser."""
    assert come(client) == 302
    return User.objects.get()


def leave(client: Client) -> None:
    """Delete the session's cookie, as whoever is banned tries first."""
    del client.cookies["sessionid"]


@pytest.mark.parametrize("by", ["guest", "signup"])
def test_the_browser_of_somebody_banned_makes_nobody(
    client: Client, eva: User, by: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Without the session too, and from elsewhere; whoever may come in again may be made anew, too."""
    leave(client)
    person_ban(person=eva, banned=True)
    before = refused()
    answer = client.post(f"/accounts/{by}/", {"name": "Eva", **SIGN_UP}, REMOTE_ADDR=THERE)
    assert answer.status_code == 403
    assert "This account is banned." in answer.content.decode()
    assert User.objects.count() == 1
    assert f"browser of person {eva.pk}" in caplog.text
    assert refused() == before + 1
    person_ban(person=eva, banned=False)
    assert come(client, by=by, address=THERE) == 302
    assert User.objects.count() == 2


@pytest.mark.parametrize("door", ["login", "signup", "guest", "ticket", "admin"])
def test_every_way_in_is_remembered(client: Client, door: str) -> None:
    """By a cookie that scripts of a page do not read, signed, for a year; those who came before are kept."""
    boss = User.objects.create_superuser("boss", password=PASSWORD)
    client.cookies[COOKIE] = signing.dumps([4711], salt=SALT)
    match door:
        case "login":
            answer = client.post("/accounts/login/", {"username": "boss", "password": PASSWORD})
        case "admin":
            answer = client.post("/admin/login/", {"username": "boss", "password": PASSWORD})
        case "ticket":
            answer = client.post("/accounts/ticket/", {"ticket": session_open(user=boss)[1]})
        case "guest":
            answer = client.post("/accounts/guest/", {"name": "Eva"})
        case _:
            answer = client.post("/accounts/signup/", SIGN_UP)
    cookie = answer.cookies[COOKIE]
    assert signing.loads(cookie.value, salt=SALT) == [int(client.session[SESSION_KEY]), 4711]
    assert (cookie["httponly"], cookie["samesite"], cookie["path"]) == (True, "Lax", "/")
    assert cookie["max-age"] == limits.BROWSER_SECONDS
    client.get("/")
    assert COOKIE not in client.get("/").cookies, "and not with every page"


def test_a_log_in_as_somebody_else_hides_nobody(client: Client, eva: User) -> None:
    """Nor do many: those who came in last are kept."""
    for number in range(limits.BROWSER_PEOPLE - 1):
        User.objects.create_user(f"u{number}", password=PASSWORD)
        assert client.post("/accounts/login/", {"username": f"u{number}", "password": PASSWORD}).status_code == 302
    client.post("/accounts/logout/")
    person_ban(person=eva, banned=True)
    assert come(client, by="signup") == 403
    assert client.post("/accounts/login/", {"username": "u0", "password": PASSWORD}).status_code == 302


@pytest.mark.parametrize("value", ["", "x", "[1]", "W10:x:y", "é"])
def test_a_cookie_that_is_not_ours_is_none(client: Client, value: str) -> None:
    """Whatever somebody writes into it."""
    client.cookies[COOKIE] = value
    assert come(client) == 302
    client.cookies[COOKIE] = signing.dumps("no list", salt=SALT)
    leave(client)
    assert come(client) == 302


@pytest.mark.parametrize(
    ("theirs", "asks", "refused"),
    [
        (HERE, HERE, True),
        (HERE, THERE, False),
        ("2001:db8:1:2::7", "2001:db8:1:2:ffff::1", True),
        ("2001:db8:1:2::7", "2001:db8:1:3::7", False),
        ("127.0.0.1", "127.0.0.1", False),
        ("::1", "::1", False),
    ],
)
def test_the_address_of_somebody_banned_brings_no_guest(
    client: Client, theirs: str, asks: str, refused: bool, caplog: pytest.LogCaptureFixture
) -> None:
    """With another browser, for an hour; an IPv6 address is its /64, and this machine is nobody's."""
    assert come(client, address=theirs) == 302
    eva = User.objects.get()
    assert come(Client(), address=asks) == 302, "before the ban"
    person_ban(person=eva, banned=True)
    answer = Client().post("/accounts/guest/", {"name": "Ana"}, REMOTE_ADDR=asks)
    assert answer.status_code == (403 if refused else 302)
    assert (f"person {eva.pk}, who is banned" in caplog.text) == refused
    Revocation.objects.update(at=timezone.now() - timedelta(seconds=limits.BANNED_ADDRESS_SECONDS + 1))
    assert come(Client(), address=asks) == 302, "an hour later"


def test_others_of_the_address_are_left_alone(client: Client, eva: User) -> None:
    """Who is there stays and takes another name; who has an account logs in; who has none signs up."""
    User.objects.create_user("ada", password=PASSWORD)
    neighbour = Client()
    assert come(neighbour) == 302
    person_ban(person=eva, banned=True)
    assert come(neighbour) == 302, "a guest already"
    assert neighbour.get("/", REMOTE_ADDR=HERE).status_code == 200
    login = {"username": "ada", "password": PASSWORD}
    assert Client().post("/accounts/login/", login, REMOTE_ADDR=HERE).status_code == 302
    assert come(Client(), by="signup") == 302
    assert come(Client()) == 403
    person_ban(person=eva, banned=False)
    assert come(Client()) == 302, "and anybody, once the ban is taken back"


def test_a_page_that_somebody_banned_asks_for_is_counted(client: Client, eva: User) -> None:
    """As a guest of that address is, and not what one may do with a ban."""
    person_ban(person=eva, banned=True)
    before = refused()
    assert client.get("/").status_code == client.get("/accounts/signup/").status_code == 403
    assert refused() == before + 2
    assert come(Client()) == 403
    assert refused() == before + 3
    assert client.get("/accounts/login/").status_code == 200
    assert refused() == before + 3


def test_a_socket_s_log_in_is_noted_with_its_address() -> None:
    """And so is the guest that its log-out makes."""
    person = User.objects.create_user("ada")
    session_open(user=person, address=HERE)
    person_ban(person=person, banned=True)
    with pytest.raises(BannedBefore):
        address_ask(HERE)
    address_ask(THERE)


def test_an_address_is_forgotten_with_the_session(client: Client, eva: User) -> None:
    """A month after somebody came in; and with the person."""
    assert LastAddress.objects.get().address == HERE
    assert cleanup()["places"] == 0
    LastAddress.objects.update(at=timezone.now() - timedelta(seconds=limits.LAST_ADDRESS_SECONDS + 1))
    assert cleanup()["places"] == 1
    come(Client())
    User.objects.all().delete()
    assert not LastAddress.objects.exists()
