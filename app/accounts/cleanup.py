"""Deletes what nobody can use any more: run once a day, by systemd's timer or Compose's `cleanup`."""

from datetime import timedelta
from typing import Any

from django.conf import settings
from django.contrib.auth import SESSION_KEY
from django.contrib.sessions.models import Session
from django.db.models import QuerySet
from django.utils import timezone

from accounts import limits
from accounts.models import KnownAddress, LastAddress, LoginTry, Newcomer, Revocation, Ticket, User

BATCH = 500  # rows of one transaction: SQLite has one writer, and a message waits 2 s for it at most


def cleanup() -> dict[str, int]:
    """Return how many rows of each kind were deleted; safe beside a running chat, and to run twice at once."""
    now = timezone.now()
    return {
        "sessions": _delete(Session.objects.filter(expire_date__lt=now)),
        "tickets": _delete(Ticket.objects.filter(expires__lt=now)),
        "revocations": _delete(Revocation.objects.filter(at__lt=now - timedelta(seconds=limits.REVOCATION_SECONDS))),
        "tries": _delete(LoginTry.objects.filter(at__lt=now - timedelta(seconds=limits.TRY_SECONDS))),
        "addresses": _delete(KnownAddress.objects.filter(at__lt=now - timedelta(seconds=limits.KNOWN_ADDRESS_SECONDS))),
        "newcomers": _delete(Newcomer.objects.filter(at__lt=now - timedelta(seconds=limits.PEOPLE_SECONDS))),
        "places": _delete(LastAddress.objects.filter(at__lt=now - timedelta(seconds=limits.LAST_ADDRESS_SECONDS))),
        "guests": _delete_guests(),
    }


def _delete_guests() -> int:
    """Delete the guests who have no session left: they cannot come back. What they wrote stays, with their name.

    And those who came a day ago and never opened a socket, with their sessions: a person's page opens one at once.
    """
    now = timezone.now()
    old = now - timedelta(seconds=settings.SESSION_COOKIE_AGE)  # a younger one may be about to get a session
    absent_since = now - timedelta(seconds=limits.ARRIVAL_SECONDS)
    guests = User.objects.filter(guest=True)
    suspects = set(guests.filter(date_joined__lt=old).values_list("pk", flat=True))
    absent = set(guests.filter(date_joined__lt=absent_since, arrived=False).values_list("pk", flat=True))
    if not suspects and not absent:
        return 0
    theirs = []
    for session in Session.objects.filter(expire_date__gt=now).iterator():
        person = int(session.get_decoded().get(SESSION_KEY, 0))
        suspects.discard(person)
        if person in absent:
            theirs.append(session.session_key)
    for keys in _batches(theirs):
        Session.objects.filter(session_key__in=keys).delete()
    return sum(_delete(guests.filter(pk__in=batch)) for batch in _batches(sorted(suspects | absent)))


def _batches(keys: list[Any]) -> list[list[Any]]:
    return [keys[start : start + BATCH] for start in range(0, len(keys), BATCH)]


def _delete(rows: QuerySet[Any]) -> int:
    """Delete rows, a batch at a time, each with what hangs on it."""
    deleted = 0
    while keys := list(rows.order_by("pk").values_list("pk", flat=True)[:BATCH]):
        rows.model._default_manager.filter(pk__in=keys).delete()  # noqa: SLF001 (Django's own name for it)
        deleted += len(keys)
    return deleted
