"""A ticket stands for a session that was opened inside a socket: once, and for a minute."""

from datetime import timedelta

import pytest
from django.contrib.auth import SESSION_KEY
from django.contrib.sessions.models import Session
from django.test import Client
from django.utils import timezone

from accounts import limits
from accounts.models import Ticket, User
from accounts.sessions import session_end, session_open

pytestmark = pytest.mark.django_db


@pytest.fixture
def ada() -> User:
    """Somebody who signed up."""
    return User.objects.create_user("ada")


def redeemed(client: Client, ticket: str) -> int:
    """Ask for the session of a ticket, as the page does, and return the status."""
    return client.post("/accounts/ticket/", {"ticket": ticket}).status_code


def age(seconds: float) -> None:
    """Let time pass for every ticket."""
    for ticket in Ticket.objects.all():
        ticket.expires -= timedelta(seconds=seconds)
        ticket.save()


def test_a_ticket_is_good_for_a_minute_and_once(client: Client, ada: User) -> None:
    """The browser has the session of the socket then."""
    key, ticket = session_open(user=ada)
    age(limits.TICKET_SECONDS - 5)
    assert redeemed(client, ticket) == 204
    assert (client.session.session_key, client.session[SESSION_KEY]) == (key, str(ada.pk))
    assert redeemed(Client(), ticket) == 400


def test_a_ticket_is_worth_nothing_after_it(client: Client, ada: User) -> None:
    """Nor does it end the session that one has."""
    client.post("/accounts/guest/", {"name": "Eva"})
    before = client.session.session_key
    _, ticket = session_open(user=ada)
    age(limits.TICKET_SECONDS)
    assert redeemed(client, ticket) == 400
    assert client.session.session_key == before
    assert Session.objects.filter(session_key=before).exists()


def test_a_ticket_runs_out_in_time(ada: User) -> None:
    """As protocol.md has it, counted from its making."""
    session_open(user=ada)
    left = (Ticket.objects.get().expires - timezone.now()).total_seconds()
    assert limits.TICKET_SECONDS - 10 < left <= limits.TICKET_SECONDS == 60


@pytest.mark.parametrize("by", ["log-out", "shell"])
def test_a_ticket_of_a_session_that_ended(client: Client, ada: User, by: str) -> None:
    """However it ends, it takes the ticket with it."""
    key, ticket = session_open(user=ada)
    if by == "log-out":
        session_end(key=key)
    else:
        Session.objects.filter(session_key=key).delete()
    assert not Ticket.objects.exists()
    assert redeemed(client, ticket) == 400
    assert "sessionid" not in client.cookies


@pytest.mark.parametrize("ticket", ["", "x", "\x00", "é" * 500])
def test_what_is_no_ticket(client: Client, ada: User, ticket: str) -> None:
    """Whatever it is."""
    session_open(user=ada)
    assert redeemed(client, ticket) == 400
    assert Ticket.objects.count() == 1
