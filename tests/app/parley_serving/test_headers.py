"""What every page says to browsers and caches, and what its cookies are: over each page that there is."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.test import AsyncClient, Client
from django.urls import URLPattern, URLResolver, get_resolver

from accounts.models import User
from parley_serving.headers import page_headers

pytestmark = pytest.mark.django_db
KEPT_BY_NOBODY = {"private", "no-store"}


def paths(patterns: list[Any], before: str = "/") -> Iterator[str]:
    """Give each path of the project, with something where a path takes any."""
    for pattern in patterns:
        path = before + str(pattern.pattern).removeprefix("^").removesuffix("$")
        if isinstance(pattern, URLResolver):
            yield from paths(pattern.url_patterns, path)
        elif isinstance(pattern, URLPattern) and "(" not in path:
            yield path.replace("<slug:slug>", "lobby").replace("<path:object_id>", "1")


PATHS = sorted({*paths(get_resolver().url_patterns), "/nowhere/", "/rooms/nowhere/"})


@pytest.fixture
def moderator(client: Client) -> Client:
    """Somebody for whom every page is there."""
    client.force_login(User.objects.create_superuser("root", password="correct horse battery"))
    return client


def policy(answer: Any) -> set[str]:
    return {word.strip() for word in answer.headers["Cache-Control"].split(",")}


def test_there_are_pages() -> None:
    """Of the chat, of the accounts and of the admin."""
    assert {"/", "/rooms/lobby/", "/accounts/login/", "/admin/login/"} <= set(PATHS)
    assert len(PATHS) > 30


@pytest.mark.parametrize("path", PATHS)
def test_no_page_is_kept(moderator: Client, path: str) -> None:
    """Whoever asks, whatever the answer: not by a proxy, nor by the browser for the next person at it."""
    for visitor in (moderator, Client()):
        for answer in (visitor.get(path), visitor.post(path)):
            assert policy(answer) >= KEPT_BY_NOBODY, answer.status_code
            assert answer.headers["Cross-Origin-Opener-Policy"] == "same-origin"
            assert "microphone=()" in answer.headers["Permissions-Policy"]
            for cookie in answer.cookies.values():
                assert (cookie["path"], cookie["domain"]) == ("/", ""), cookie
                assert cookie.key in {"sessionid", "sessionid_people", "csrftoken", "django_language"}


async def test_pages_of_a_server_that_is_asynchronous_have_them_too() -> None:
    """A page that is not there, and one that is."""
    for path, status in (("/nowhere/", 404), ("/accounts/login/", 200)):
        answer = await AsyncClient().get(path)
        assert answer.status_code == status
        assert policy(answer) >= KEPT_BY_NOBODY


def test_a_host_that_is_none_of_ours_is_answered_so_too(client: Client) -> None:
    """Before any view is asked."""
    answer = client.get("/", headers={"host": "evil.example"})
    assert answer.status_code == 400
    assert policy(answer) >= KEPT_BY_NOBODY


def test_a_view_may_say_otherwise() -> None:
    """Of a page that is everybody's."""
    said = HttpResponse(headers={"Cache-Control": "public, max-age=60", "Permissions-Policy": "camera=(self)"})
    answer = page_headers(lambda _: said)(HttpRequest())
    assert answer.headers["Cache-Control"] == "public, max-age=60"
    assert answer.headers["Permissions-Policy"] == "camera=(self)"


def test_it_is_the_outermost() -> None:
    """So that what any other middleware answers has them."""
    assert settings.MIDDLEWARE[0] == "parley_serving.headers.page_headers"
