"""Sessions that are opened and ended inside a socket, where no cookie can be set (pitfalls B9)."""

import hashlib
import secrets
from datetime import timedelta
from importlib import import_module
from typing import TYPE_CHECKING, Any, cast

from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.contrib.auth.signals import user_logged_in
from django.db import transaction
from django.http import HttpRequest
from django.middleware.csrf import rotate_token
from django.utils import timezone

from accounts import limits
from accounts.models import Ticket, User
from accounts.newness import address_note
from accounts.session_store import BACKEND

if TYPE_CHECKING:
    from accounts.requests import EnteredRequest


class NoSuchTicket(Exception):  # noqa: N818 (an answer, not a fault)
    """The ticket is unknown, used or too old."""


def _store(key: str | None = None) -> Any:
    return import_module(settings.SESSION_ENGINE).SessionStore(key)


@transaction.atomic
def session_open(*, user: User, address: str = "") -> tuple[str, str]:
    """Open a session for somebody who came from an address; return its key, and the ticket for a page's cookie."""
    session = _session_of(user)
    session.create()
    user_logged_in.send(sender=User, request=None, user=user)
    address_note(person=user.pk, address=address)
    ticket = secrets.token_urlsafe(32)
    expires = timezone.now() + timedelta(seconds=limits.TICKET_SECONDS)
    Ticket.objects.create(digest=_digest(ticket), session=session.session_key, expires=expires)
    return session.session_key, ticket


def session_lend(*, user: User, seconds: int) -> str:
    """Open a session that ends by itself, for a program and not a person; return its key."""
    session = _session_of(user)
    session.set_expiry(seconds)
    session.create()
    return str(session.session_key)


def _session_of(user: User) -> Any:
    """Fill a session that is not stored yet."""
    session = _store()
    session[SESSION_KEY] = str(user.pk)
    session[BACKEND_SESSION_KEY] = BACKEND
    session[HASH_SESSION_KEY] = user.get_session_auth_hash()
    return session


def session_end(*, key: str) -> None:
    """End a session on every process: its cookie is worth nothing, and its sockets close (accounts/receivers.py)."""
    _store(key).delete()


@transaction.atomic
def ticket_redeem(*, request: HttpRequest, ticket: str) -> None:
    """Give the request the session of a ticket, once; raise NoSuchTicket. The one it had ends."""
    found = Ticket.objects.select_for_update().filter(digest=_digest(ticket), expires__gt=timezone.now()).first()
    if found is None or not _store().exists(found.session):
        raise NoSuchTicket
    found.delete()
    before = request.session.session_key
    request.session = _store(found.session)
    request.session.modified = True
    rotate_token(request)
    cast("EnteredRequest", request).entered = int(request.session[SESSION_KEY])
    if before and before != found.session:
        session_end(key=before)


def _digest(ticket: str) -> str:
    return hashlib.sha256(ticket.encode()).hexdigest()
