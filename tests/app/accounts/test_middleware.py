"""Sessions live from their last use."""

import time

import pytest
from django.db import connection
from django.test import Client
from pytest_django import DjangoAssertNumQueries

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


def test_visitors_get_no_session(client: Client) -> None:
    """Who is not known leaves no row behind."""
    assert "sessionid" not in client.get("/accounts/login/").cookies
