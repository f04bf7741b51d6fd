"""Which requests wait for their turn on the way in: found by walking the URL conf, so that no new page is forgotten."""

from collections.abc import Callable

import pytest
from django.contrib.auth import hashers
from django.test import Client

from accounts.models import User
from accounts.queues import GUESTS, LOG_INS, SIGN_UPS, guests, hashes, queue_of
from chat.models import Room
from parley_serving.turns import Turns
from tests.attack.forms import Forms, filled, places, routes

pytestmark = pytest.mark.django_db
OLD, PASSWORD = "an old long one", "a long enough one"
SECRETS = ("password", "password1", "password2", "new_password1", "new_password2")
# What the forms of passwords want, all at once; a test below finds a page that wants one under another name.
FIELDS = {"username": "eva", "name": "Eva", "old_password": OLD, "usable_password": "true"}
FIELDS |= dict.fromkeys(SECRETS, PASSWORD)
ROUTES = sorted(set(routes()))


@pytest.fixture
def hashed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Each password that is hashed."""
    seen: list[str] = []
    real = hashers.MD5PasswordHasher.encode

    def encode(self: hashers.MD5PasswordHasher, password: str, salt: str) -> str:
        seen.append(password)
        return real(self, password, salt)

    monkeypatch.setattr(hashers.MD5PasswordHasher, "encode", encode)
    return seen


def nobody() -> Client:
    """Somebody without a session."""
    return Client()


def boss() -> Client:
    """Somebody who may do everything."""
    person, _ = User.objects.get_or_create(username="boss", is_staff=True, is_superuser=True)
    person.set_password(OLD)
    person.save()
    client = Client()
    client.force_login(person)
    return client


@pytest.fixture
def ada() -> User:
    """Somebody whose pages there are in the admin, and a lobby."""
    Room.objects.create(slug="lobby", title="Lobby", guests=True)
    return User.objects.create(username="ada", password="md5$salt$0")


def path_of(route: str, ada: User) -> str:
    """Fill a route in, with Ada where one of the people is meant."""
    chosen = {"slug": "lobby", "app_label": "accounts", "id": str(ada.pk), "object_id": str(ada.pk)}
    return filled(route, {name: chosen.get(name, "1") for name in places(route)})


def queue(path: str, method: str = "POST") -> tuple[Turns, str] | None:
    """Give what a request waits in."""
    return queue_of({"method": method, "path": path})


@pytest.mark.parametrize("who", [nobody, boss])
def test_what_hashes_waits_in_a_line(hashed: list[str], ada: User, who: Callable[[], Client]) -> None:
    """Whatever is sent to whichever address; to ask for a page hashes nothing."""
    hashing = set()
    for route in ROUTES:
        path = path_of(route, ada)
        for method in ("GET", "POST"):
            User.objects.filter(username="eva").delete()
            client = who()
            hashed.clear()
            client.generic(method, path) if method == "GET" else client.post(path, FIELDS)
            if hashed:
                hashing.add((method, path))
    assert {one for one in hashing if (queue(one[1], one[0]) or (None,))[0] is not hashes} == set()
    assert len(hashing) == (3 if who is nobody else 6), "of nobody the log-ins and the sign-up; and what the staff may"


def test_each_page_with_a_field_for_a_password_sends_it_to_the_line(ada: User) -> None:
    """Whatever the field is called."""
    wanting: set[str] = set()
    for who in (nobody, boss):
        client = who()
        for route in ROUTES:
            path = path_of(route, ada)
            page = client.get(path)
            if page.status_code == 200 and page["Content-Type"].startswith("text/html"):
                forms = Forms(path, {})
                forms.feed(page.content.decode())
                wanting |= {to for to, fields in forms.known.items() if any(one.secret for one in fields.values())}
    assert {to for to in wanting if (queue(path_of(to, ada)) or (None,))[0] is not hashes} == set()
    assert len(wanting) == 6


def test_who_waits_where(ada: User) -> None:
    """Whoever is known waits before who signs up; guests wait for guests; the others have no line."""
    assert {one: found for one in ROUTES if (found := queue(path_of(one, ada)))} == {
        "accounts/login/": (hashes, LOG_INS),
        "accounts/password/": (hashes, LOG_INS),
        "accounts/signup/": (hashes, SIGN_UPS),
        "accounts/guest/": (guests, GUESTS),
        "admin/login/": (hashes, LOG_INS),
        "admin/accounts/user/add/": (hashes, LOG_INS),
        "admin/accounts/user/<id>/password/": (hashes, LOG_INS),
    }
    assert queue("/nowhere/") is None
    assert queue("/accounts/login/", "GET") is None


def test_guesses_on_the_admin_s_page_are_counted_by_ours() -> None:
    """Django's own page for one's password would take any number of guesses."""
    client = boss()
    answer = client.post("/admin/password_change/", {"old_password": "a guess", "new_password1": PASSWORD})
    assert (answer.status_code, answer["Location"]) == (302, "/accounts/password/")
