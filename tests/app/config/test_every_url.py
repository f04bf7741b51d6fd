"""Every address of the URL conf, the admin's too, lets nobody in who is banned or inactive."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from channels.auth import get_user
from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY
from django.contrib.sessions.backends.db import SessionStore as DjangosStore
from django.test import Client
from django.urls import URLResolver, get_resolver

from accounts.authentication import people_of
from accounts.models import Revocation, User
from accounts.session_store import STORED, SessionStore
from chat.models import Room

pytestmark = pytest.mark.django_db
PASSWORD = "a long enough one"
# What stands for each variable of a route; a new one is named here, or the test fails.
VARIABLES = {
    "slug": "lobby", "object_id": "{pk}", "id": "{pk}", "app_label": "accounts", "content_type_id": "1",
    "url": "nowhere",
}  # fmt: skip
DOORS = {"accounts/login/", "accounts/logout/", "language/"}  # where one goes out, or in as somebody else
OPEN_TO_ALL = {*DOORS, "accounts/signup/", "accounts/guest/", "accounts/ticket/", "admin/login/", "admin/jsi18n/"}


def routes(resolver: URLResolver, before: str = "") -> Iterator[str]:
    """Read every route as the URL conf writes it."""
    for one in resolver.url_patterns:
        route = before + str(one.pattern).lstrip("^").rstrip("$")
        if isinstance(one, URLResolver):
            yield from routes(one, route)
        else:
            yield route


def address(route: str, pk: int) -> str:
    """Fill a route in."""
    filled = re.sub(r"\(\?P<(\w+)>[^)]*\)|<(?:\w+:)?(\w+)>", lambda one: VARIABLES[one[1] or one[2]], route)
    return "/" + filled.format(pk=pk)


ROUTES = sorted(set(routes(get_resolver())))


@pytest.fixture
def boss() -> User:
    """Somebody who may do everything, and a lobby."""
    Room.objects.create(slug="lobby", title="Lobby", guests=True)
    return User.objects.create_superuser("boss", password=PASSWORD, name="Boss")


@pytest.fixture
def inside(client: Client, boss: User) -> Client:
    """Their browser."""
    client.force_login(boss)
    return client


def statuses(client: Client, pk: int) -> dict[tuple[str, str], int]:
    """Ask for everything, without going on to where an answer leads."""
    return {
        (method, route): client.generic(method, address(route, pk)).status_code
        for route in ROUTES
        for method in ("GET", "HEAD", "POST")
        if not (route == "accounts/logout/" and method == "POST")
    }


def test_there_is_something_to_ask_for(inside: Client, boss: User) -> None:
    """The chat's pages and the admin's are among the routes, and whoever may enter gets them."""
    assert len(ROUTES) > 40
    assert {"", "rooms/<slug:slug>/", "accounts/ticket/", "admin/accounts/user/<path:object_id>/change/"} < set(ROUTES)
    got = [route for (method, route), status in statuses(inside, boss.pk).items() if (method, status) == ("GET", 200)]
    assert len([route for route in got if route.startswith("admin/")]) > 10


@pytest.mark.parametrize("by_row", [True, False], ids=["saved", "updated"])
def test_the_banned_are_told_so_everywhere(inside: Client, boss: User, *, by_row: bool) -> None:
    """403, with a way to log out, whoever they are, and however the ban came to be."""
    if by_row:
        boss.banned = True
        boss.save()
    else:
        User.objects.update(banned=True)
    answers = statuses(inside, boss.pk)
    assert {place: status for place, status in answers.items() if status != 403 and place[1] not in DOORS} == {}
    page = inside.get("/admin/").content.decode()
    assert "This account is banned." in page
    assert 'action="/accounts/logout/"' in page
    assert inside.get("/accounts/login/").status_code == 200
    assert inside.post("/accounts/logout/").status_code == 302
    assert inside.get("/").status_code == 302


def test_the_inactive_are_strangers_everywhere(inside: Client, boss: User) -> None:
    """They are asked to log in, and nothing is done."""
    boss.is_active = False
    boss.save()
    for (method, route), status in statuses(inside, boss.pk).items():
        assert status in {302, 405} or route in OPEN_TO_ALL, (method, route, status)
    assert inside.get("/")["Location"] == "/accounts/login/?next=/"
    assert inside.get("/admin/")["Location"] == "/admin/login/?next=/admin/"


def test_nobody_unbans_themselves(inside: Client, boss: User) -> None:
    """By their own change form, which was open before."""
    page = inside.get(f"/admin/accounts/user/{boss.pk}/change/")
    form: dict[str, Any] = {name: value for name, value in page.context["adminform"].form.initial.items() if value}
    form |= {"date_joined_0": "2026-01-01", "date_joined_1": "00:00:00"}
    assert inside.post(f"/admin/accounts/user/{boss.pk}/change/", form).status_code == 302, "the form is a whole one"
    User.objects.update(banned=True)
    assert inside.post(f"/admin/accounts/user/{boss.pk}/change/", form).status_code == 403
    assert User.objects.get().banned


@pytest.mark.parametrize("change", ["banned", "is_active"])
def test_a_session_of_before_is_worth_nothing_after(inside: Client, boss: User, change: str) -> None:
    """Whoever may come in again logs in again: on pages, on sockets, and on consumers of others."""
    key = inside.session.session_key
    assert key
    assert list(people_of([key])) == [key]
    for value in (change == "banned", change != "banned"):
        setattr(boss, change, value)
        boss.save(update_fields=[change])
    assert Revocation.objects.filter(user=boss.pk).count() == 1
    assert people_of([key]) == {}
    assert inside.get("/").status_code == 302
    assert inside.post("/accounts/login/", {"username": "boss", "password": PASSWORD}).status_code == 302
    assert inside.get("/admin/").status_code == 200


@pytest.mark.django_db(transaction=True)
def test_a_consumer_of_others_lets_nobody_in_who_is_banned(inside: Client, boss: User) -> None:
    """Channels' own get_user asks the same backend."""
    scope: Any = {"session": SessionStore(inside.session.session_key)}
    assert async_to_sync(get_user)(scope) == boss
    User.objects.update(banned=True)
    assert not async_to_sync(get_user)(scope).is_authenticated


def test_the_release_before_knows_every_session(inside: Client, boss: User) -> None:
    """Its backend is Django's own: during a rollout nobody is logged out, by one release or by the other."""
    session = DjangosStore(inside.session.session_key)
    assert session[BACKEND_SESSION_KEY] == STORED
    session["of"] = "the release before"
    session.save()
    assert inside.get("/").status_code == 200
    assert inside.session[BACKEND_SESSION_KEY] == settings.AUTHENTICATION_BACKENDS[0]
