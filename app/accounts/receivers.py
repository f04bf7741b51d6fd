"""Sessions that begin and end, however they do: our pages, the admin's, a shell, a new key."""

from typing import TYPE_CHECKING, Any, cast

from django.contrib.auth.signals import user_logged_in
from django.contrib.sessions.models import Session
from django.db.models.signals import post_delete
from django.dispatch import receiver
from django.http import HttpRequest
from django.utils import timezone

from accounts.models import Revocation, Ticket, User
from accounts.newness import address_note

if TYPE_CHECKING:
    from accounts.requests import EnteredRequest


@receiver(post_delete, sender=Session)
def session_ended(instance: Session, **_: Any) -> None:
    """Let the sockets of a session go in the transaction that deletes its row, and its ticket with it.

    A session that ran out needs no word: its sockets know when.
    """
    if instance.expire_date > timezone.now():
        Ticket.objects.filter(session=instance.session_key).delete()
        Revocation.objects.create(reason=Revocation.Reason.LOGGED_OUT, session=instance.session_key)


@receiver(user_logged_in)
def person_entered(request: HttpRequest | None, user: User, **_: Any) -> None:
    """Note where from, and let the browser keep who it was; of what a socket opens, `session_open` knows where from."""
    if request is not None:
        address_note(person=user.pk, address=request.META.get("REMOTE_ADDR", ""))
        cast("EnteredRequest", request).entered = user.pk
