"""Logging in, signing up, coming as a guest, and leaving."""

import re
from collections.abc import Callable
from urllib.parse import quote_from_bytes

import pytest
from django.contrib.auth import SESSION_KEY
from django.test import Client
from pytest_django import Settings

from accounts import limits
from accounts.models import LoginTry, Revocation, User

pytestmark = pytest.mark.django_db
PASSWORD = "a long enough one"
FORM = "application/x-www-form-urlencoded"


@pytest.fixture
def ada() -> User:
    """Somebody who signed up."""
    return User.objects.create_user("ada", password=PASSWORD, name="Ada")


def user_of(client: Client) -> int | None:
    """Who the client's session belongs to."""
    pk = client.session.get(SESSION_KEY)
    return None if pk is None else int(pk)


def somebody(client: Client) -> User:
    """The person of the client's session."""
    pk = user_of(client)
    assert pk is not None
    return User.objects.get(pk=pk)


def test_login_page_sets_the_csrf_cookie(client: Client) -> None:
    """Outside clients take the token from here, on the first visit and on every other."""
    for _ in range(2):
        answer = client.get("/accounts/login/")
        assert answer.status_code == 200
        assert answer.cookies["csrftoken"].value
        page = answer.content.decode()
        assert 'action="/accounts/guest/"' in page
        assert 'action="/accounts/login/"' in page
        assert 'href="/accounts/signup/"' in page


@pytest.mark.parametrize("guests", [True, False])
def test_the_cursor_is_where_one_starts(client: Client, settings: Settings, guests: bool) -> None:
    """In the first field of the page; after a wrong password, in the form that has the error; and in one field only."""
    settings.GUESTS = guests
    fresh = client.get("/accounts/login/").content.decode()
    again = client.post("/accounts/login/", {"username": "ada", "password": "wrong"}).content.decode()
    focused = r'<input[^>]* name="(\w+)"[^>]* autofocus'
    assert re.findall(focused, fresh) == ["name" if guests else "username"]
    assert re.findall(focused, again) == ["username"]


def test_guest_enters(client: Client) -> None:
    """A name gives a session of 30 days and the road to the rooms."""
    answer = client.post("/accounts/guest/", {"name": "Ana"})
    assert (answer.status_code, answer["Location"]) == (302, "/")
    assert answer.cookies["sessionid"]["max-age"] == 30 * 24 * 3600
    guest = somebody(client)
    assert (guest.name, guest.guest, guest.has_usable_password()) == ("Ana", True, False)


def test_a_guest_keeps_the_id(client: Client) -> None:
    """Coming again with the session is a new name, not a new person."""
    client.post("/accounts/guest/", {"name": "Ana"})
    first = user_of(client)
    client.post("/accounts/guest/", {"name": "Eva"})
    assert user_of(client) == first
    assert somebody(client).name == "Eva"


@pytest.mark.parametrize(
    "body",
    [
        "", "name=",
        "name=+++", "name=" + "x" * 41, "name=a%00b", "name=a%1Fb", "name=Ana%0A", "name=%E2%80%8B", "other=Ana",
    ],
)  # fmt: skip
def test_bad_guest_names(client: Client, body: str) -> None:
    """A bad name is the form again, with the reason, and nobody new."""
    answer = client.post("/accounts/guest/", body, content_type=FORM)
    assert answer.status_code == 400
    assert "errorlist" in answer.content.decode()
    assert 'aria-invalid="true"' in answer.content.decode()
    assert not User.objects.exists()


def test_lone_surrogate_never_becomes_a_name(client: Client) -> None:
    """A form's bytes that are half a character are replaced on the way in, so that no row holds one."""
    body = "name=" + quote_from_bytes(b"a\xed\xa0\x80")
    client.post("/accounts/guest/", body, content_type=FORM)
    assert all(user.name.encode() for user in User.objects.all())


def test_csrf_is_asked_for() -> None:
    """Every door asks for the token; the refusal is a page of ours."""
    strict = Client(enforce_csrf_checks=True)
    for door in ("guest", "login", "signup", "logout"):
        answer = strict.post(f"/accounts/{door}/", {"name": "Ana"})
        assert answer.status_code == 403, door
    token = strict.get("/accounts/login/").cookies["csrftoken"].value
    answer = strict.post("/accounts/guest/", {"name": "Ana", "csrfmiddlewaretoken": token})
    assert answer.status_code == 302


def test_guests_off(client: Client, settings: Settings) -> None:
    """Where the operator wants no guests there is neither a form nor a way around it."""
    settings.GUESTS = False
    assert client.post("/accounts/guest/", {"name": "Ana"}).status_code == 403
    assert 'action="/accounts/guest/"' not in client.get("/accounts/login/").content.decode()
    assert not User.objects.exists()


@pytest.mark.parametrize("door", ["login", "guest"])
@pytest.mark.parametrize(
    ("target", "goes"),
    [
        ("/rooms/lobby/", "/rooms/lobby/"),
        ("https://evil.example/", "/"),
        ("//evil.example/", "/"),
        ("javascript:alert(1)", "/"),
        ("\\\\evil.example", "/"),
    ],
)
def test_next_stays_here(client: Client, ada: User, door: str, target: str, goes: str) -> None:
    """`next` leads to pages of this site and nowhere else."""
    fields = {"name": "Eva", "username": "ada", "password": PASSWORD, "next": target}
    answer = client.post(f"/accounts/{door}/", fields)
    assert (answer.status_code, answer["Location"]) == (302, goes)


def test_guest_becomes_somebody(client: Client, ada: User) -> None:
    """A guest who logs in is that person, under a new session."""
    client.post("/accounts/guest/", {"name": "Eva"})
    guest, session = user_of(client), client.session.session_key
    client.post("/accounts/login/", {"username": "ada", "password": PASSWORD})
    assert user_of(client) == ada.pk != guest
    assert client.session.session_key != session
    assert ended() == [session], "its sockets close in every process"


def test_somebody_signs_up_over_a_session(client: Client, ada: User) -> None:
    """The old one ends, with its sockets; who logs in again as the same person keeps theirs."""
    client.post("/accounts/login/", {"username": "ada", "password": PASSWORD})
    client.post("/accounts/login/", {"username": "ada", "password": PASSWORD})
    assert ended() == []
    session = client.session.session_key
    client.post("/accounts/signup/", {"username": "eva", "name": "Eva", "password1": PASSWORD, "password2": PASSWORD})
    assert user_of(client) != ada.pk
    assert ended() == [session]


def ended() -> list[str]:
    """Name the sessions that were ended, in their order."""
    rows = Revocation.objects.filter(reason=Revocation.Reason.LOGGED_OUT).order_by("pk")
    return list(rows.values_list("session", flat=True))


def test_somebody_is_not_made_a_guest(client: Client, ada: User) -> None:
    """The guest form leaves those alone who have an account."""
    client.force_login(ada)
    assert client.post("/accounts/guest/", {"name": "Eva"}).status_code == 302
    assert user_of(client) == ada.pk
    assert User.objects.count() == 1


def test_sign_up(client: Client) -> None:
    """Signing up makes the person and lets them in."""
    fields = {"username": "eva", "name": "Eva María", "password1": PASSWORD, "password2": PASSWORD}
    answer = client.post("/accounts/signup/", fields)
    assert (answer.status_code, answer["Location"]) == (302, "/")
    eva = User.objects.get(username="eva")
    assert (eva.name, eva.guest, user_of(client)) == ("Eva María", False, eva.pk)


@pytest.mark.parametrize(
    "change",
    [
        {"username": ""}, {"username": "a b"}, {"username": "ADA"}, {"username": "guest-1"}, {"username": "x" * 151},
        {"username": "\uff47uest-1"}, {"username": "\ufdfa" * 9}, {"username": "\ufdfa" * 150},
        {"username": "a\x00"}, {"password2": "another one"}, {"password1": "123", "password2": "123"},
        {"name": "x" * 41}, {"name": "a\x07"}, {"name": "\u3164"}, {"username": "\u3164"},
    ],
)  # fmt: skip
def test_bad_sign_ups(client: Client, ada: User, change: dict[str, str]) -> None:
    """What cannot be an account is the form again, and nobody new."""
    fields = {"username": "eva", "name": "Eva", "password1": PASSWORD, "password2": PASSWORD} | change
    answer = client.post("/accounts/signup/", fields)
    assert answer.status_code == 400
    assert "errorlist" in answer.content.decode()
    assert User.objects.count() == 1


@pytest.mark.parametrize("change", [{"password": "wrong"}, {"username": "nobody"}, {"username": "ada\x00"}, {}])
def test_bad_log_ins(client: Client, ada: User, change: dict[str, str]) -> None:
    """A wrong password, nobody, a control character: 400 and no session; the right one is let in."""
    answer = client.post("/accounts/login/", {"username": "ada", "password": PASSWORD} | change)
    assert answer.status_code == (400 if change else 302)
    assert (user_of(client) is None) == bool(change)


DOORS = {"page": "/accounts/login/", "admin": "/admin/login/"}
TRICKS: dict[str, Callable[[int], dict[str, str]]] = {
    "none": lambda number: {"username": "ada", "password": f"wrong {number}"},
    "an empty password in between": lambda number: {"username": "ada", "password": "" if number % 2 else f"w{number}"},
    "spaces before the name": lambda number: {"username": " " * number + "ada", "password": "wrong"},
    "another form of the letters": lambda number: {"username": "ａda" if number % 2 else "ada", "password": "wrong"},
}


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("trick", TRICKS)
def test_who_tries_too_often_is_locked_out(client: Client, ada: User, door: str, trick: str) -> None:
    """The right password is not looked at then; and another address is let in."""
    User.objects.filter(pk=ada.pk).update(is_staff=True)
    for number in range(2 * limits.TRIES_PER_PERSON):
        client.post(DOORS[door], TRICKS[trick](number))
    right = {"username": "ada", "password": PASSWORD}
    answer = client.post(DOORS[door], right)
    assert "Too many tries" in answer.content.decode()
    assert user_of(client) is None
    assert client.post(DOORS[door], right, REMOTE_ADDR="192.0.2.7").status_code == 302


def test_who_logs_in_has_their_own_tries_forgotten(client: Client, ada: User) -> None:
    """Those of one username from one address, and no others."""
    for name in ("ada", "eva"):
        client.post("/accounts/login/", {"username": name, "password": "wrong"})
    client.post("/accounts/login/", {"username": "ada", "password": "wrong"}, REMOTE_ADDR="192.0.2.7")
    client.post("/accounts/login/", {"username": "ada", "password": PASSWORD})
    left = LoginTry.objects.order_by("pk").values_list("username", "address")
    assert list(left) == [("eva", "127.0.0.1"), ("ada", "192.0.2.7")]


@pytest.mark.parametrize("change", [{"banned": True}, {"is_staff": False}])
def test_the_admin_lets_staff_in_who_are_not_banned(client: Client, ada: User, change: dict[str, bool]) -> None:
    """And says no to others after the right password."""
    right = {"username": "ada", "password": PASSWORD}
    User.objects.filter(pk=ada.pk).update(**{"is_staff": True} | change)
    assert client.post("/admin/login/", right).status_code == 200
    assert user_of(client) is None
    User.objects.filter(pk=ada.pk).update(is_staff=True, banned=False)
    assert client.post("/admin/login/", right).status_code == 302
    assert user_of(client) == ada.pk


@pytest.mark.parametrize("change", [{"banned": True}, {"is_active": False}])
def test_banned_and_inactive_stay_out(client: Client, ada: User, change: dict[str, bool]) -> None:
    """Somebody banned or inactive gets an error in the form."""
    User.objects.filter(pk=ada.pk).update(**change)
    answer = client.post("/accounts/login/", {"username": "ada", "password": PASSWORD})
    assert answer.status_code == 400
    assert user_of(client) is None


def test_a_ban_is_told_after_the_password_alone(client: Client, ada: User) -> None:
    """A wrong password says nothing of the ban."""
    User.objects.filter(pk=ada.pk).update(banned=True)
    right = client.post("/accounts/login/", {"username": "ada", "password": PASSWORD}).content.decode()
    wrong = client.post("/accounts/login/", {"username": "ada", "password": "wrong"}).content.decode()
    assert "banned" in right
    assert "banned" not in wrong


def test_banned_guest_stays_out(client: Client) -> None:
    """A banned guest does not get out of it by a new name."""
    client.post("/accounts/guest/", {"name": "Eva"})
    User.objects.update(banned=True)
    assert client.post("/accounts/guest/", {"name": "Ana"}).status_code == 403
    assert client.get("/").status_code == 403


def test_log_out_is_a_post(client: Client, ada: User) -> None:
    """A link logs nobody out."""
    client.force_login(ada)
    assert client.get("/accounts/logout/").status_code == 405
    assert user_of(client) == ada.pk
    assert client.post("/accounts/logout/").status_code == 302
    assert user_of(client) is None
