"""Sessions live from their last use."""

import time

import pytest
from django.conf import settings
from django.db import connection
from django.test import Client, override_settings
from pytest_django import DjangoAssertNumQueries

from accounts.authentication import people_of
from accounts.middleware import DAY, RENEWED
from accounts.models import User
from tests.app.database import refuse_writes

pytestmark = pytest.mark.django_db


@pytest.fixture
def inside(client: Client) -> Client:
    """A guest's client."""
    client.force_login(User.objects.create_guest(name="Ana"))
    client.get("/")
    return client


def set_back(client: Client, seconds: int) -> None:
    """Make the session look older."""
    session = client.session
    session[RENEWED] = int(time.time()) - seconds
    session.save()


def test_renewed_after_a_day(inside: Client) -> None:
    """The first use after a day sends the cookie again, for 30 days."""
    set_back(inside, DAY + 10)
    answer = inside.get("/")
    assert answer.cookies["sessionid"]["max-age"] == 30 * DAY
    assert time.time() - inside.session[RENEWED] < DAY


def test_no_write_per_request(inside: Client, django_assert_num_queries: DjangoAssertNumQueries) -> None:
    """Every other use writes nothing: session and person are read, no more."""
    with django_assert_num_queries(2) as queries:
        answer = inside.get("/rooms/")
    assert "sessionid" not in answer.cookies
    assert all(query["sql"].startswith("SELECT") for query in queries.captured_queries)


def test_page_is_read_though_nothing_can_be_written(inside: Client) -> None:
    """A renewal that cannot be stored is put off; the page comes all the same."""
    set_back(inside, DAY + 10)
    with connection.execute_wrapper(refuse_writes):
        answer = inside.get("/")
    assert (answer.status_code, "sessionid" in answer.cookies) == (200, False)
    assert inside.get("/").cookies["sessionid"]["max-age"] == 30 * DAY


def test_a_session_goes_over_to_the_key_of_now(inside: Client) -> None:
    """Under its own name: its sockets stay, and so does a page that asks at the same moment with the cookie of before.

    Instances that are not restarted yet believe both keys as well: it goes to and fro between them.
    """
    old, new = settings.SECRET_KEY, "n" * 60
    name = inside.session.session_key
    assert name
    for key, others in [(new, [old]), (old, [new]), (new, [old]), (new, [])]:
        with override_settings(SECRET_KEY=key, SECRET_KEY_FALLBACKS=others):
            assert inside.get("/").status_code == 200
            assert inside.session.session_key == name
            assert list(people_of([name])) == [name]
    assert inside.get("/").status_code == 302, "what the new key signed, the old one alone does not believe"


def test_visitors_get_no_session(client: Client) -> None:
    """Who is not known leaves no row behind."""
    assert "sessionid" not in client.get("/accounts/login/").cookies
