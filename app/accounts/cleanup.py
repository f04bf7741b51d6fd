"""Deletes what nobody can use any more: run once a day, by systemd's timer or Compose's `cleanup`."""

from datetime import timedelta
from typing import Any

from django.conf import settings
from django.contrib.auth import SESSION_KEY
from django.contrib.sessions.models import Session
from django.db.models import QuerySet
from django.utils import timezone

from accounts import limits
from accounts.models import LoginTry, Revocation, Ticket, User

BATCH = 500  # rows of one transaction: SQLite has one writer, and a message waits 2 s for it at most


def cleanup() -> dict[str, int]:
    """Return how many rows of each kind were deleted; safe beside a running chat, and to run twice at once."""
    now = timezone.now()
    return {
        "sessions": _delete(Session.objects.filter(expire_date__lt=now)),
        "tickets": _delete(Ticket.objects.filter(expires__lt=now)),
        "revocations": _delete(Revocation.objects.filter(at__lt=now - timedelta(seconds=limits.REVOCATION_SECONDS))),
        "tries": _delete(LoginTry.objects.filter(at__lt=now - timedelta(seconds=limits.TRY_SECONDS))),
        "guests": _delete_guests(),
    }


def _delete_guests() -> int:
    """Delete the guests who have no session left: they cannot come back. What they wrote stays, with their name."""
    now = timezone.now()
    old = now - timedelta(seconds=settings.SESSION_COOKIE_AGE)  # a younger one may be about to get a session
    suspects = set(User.objects.filter(guest=True, date_joined__lt=old).values_list("pk", flat=True))
    if not suspects:
        return 0
    for session in Session.objects.filter(expire_date__gt=now).iterator():
        suspects.discard(int(session.get_decoded().get(SESSION_KEY, 0)))
    return sum(_delete(User.objects.filter(pk__in=batch, guest=True)) for batch in _batches(sorted(suspects)))


def _batches(keys: list[int]) -> list[list[int]]:
    return [keys[start : start + BATCH] for start in range(0, len(keys), BATCH)]


def _delete(rows: QuerySet[Any]) -> int:
    """Delete rows, a batch at a time, each with what hangs on it."""
    deleted = 0
    while keys := list(rows.order_by("pk").values_list("pk", flat=True)[:BATCH]):
        rows.model._default_manager.filter(pk__in=keys).delete()  # noqa: SLF001 (Django's own name for it)
        deleted += len(keys)
    return deleted
