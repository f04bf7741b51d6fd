"""Whatever deletes a session is told to every process, in the same transaction: its sockets go within a second."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.contrib.sessions.models import Session
from django.core.management import call_command
from django.db import connection
from django.db.models.signals import post_save
from django.test import Client
from django.utils import timezone

from accounts.models import Revocation, User
from accounts.sessions import session_open

pytestmark = pytest.mark.django_db
PASSWORD = "a long enough one"


@pytest.fixture
def ada() -> User:
    """Somebody who signed up."""
    return User.objects.create_user("ada", password=PASSWORD, name="Ada")


def ended() -> list[str]:
    """Name the sessions that were ended, in their order."""
    rows = Revocation.objects.filter(reason=Revocation.Reason.LOGGED_OUT).order_by("pk")
    return list(rows.values_list("session", flat=True))


def test_session_that_is_said_to_have_ended_has_ended(client: Client, ada: User) -> None:
    """Its sockets are closed at that word, and come back at once: they must not get in on it once more."""
    client.force_login(ada)
    key = client.session.session_key
    seen = []

    def look(instance: Revocation, **_: object) -> None:
        seen.append((instance.session, Session.objects.filter(pk=key).count(), connection.in_atomic_block))

    post_save.connect(look, sender=Revocation)
    try:
        client.post("/accounts/logout/")
    finally:
        post_save.disconnect(look, sender=Revocation)
    assert seen == [(key, 0, True)]


ENDS: dict[str, Callable[[Client], object]] = {
    "log-out": lambda client: client.post("/accounts/logout/"),
    "admin's log-out": lambda client: client.post("/admin/logout/"),
    "log-in": lambda client: client.post("/accounts/login/", {"username": "boss", "password": PASSWORD}),
    "admin's log-in": lambda client: client.post("/admin/login/", {"username": "boss", "password": PASSWORD}),
    "ticket": lambda client: client.post("/accounts/ticket/", {"ticket": session_open(user=User.objects.all()[0])[1]}),
    "shell": lambda _client: Session.objects.all().delete(),
    "flush": lambda client: client.session.flush(),
    "another key": lambda client: client.session.cycle_key(),
}


@pytest.mark.parametrize("by", ENDS)
def test_whatever_ends_a_session_is_told(client: Client, ada: User, by: str) -> None:
    """Once, so that its sockets close within a second; the session that replaces it is not touched."""
    User.objects.create_superuser("boss", password=PASSWORD)
    client.force_login(User.objects.create_user("eva", is_staff=True))
    key, before = client.session.session_key, len(ended())  # the test's client ended one of nobody's
    ENDS[by](client)
    assert ended()[before:] == [key]
    assert not Session.objects.filter(pk=key).exists()


def test_a_session_that_ran_out_needs_no_word(client: Client, ada: User) -> None:
    """The daily clean-up deletes thousands."""
    client.force_login(ada)
    before = ended()
    Session.objects.update(expire_date=timezone.now() - timedelta(seconds=1))
    call_command("clearsessions")
    assert (Session.objects.count(), ended()) == (0, before)
