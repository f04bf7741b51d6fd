"""Who is behind session keys: many at once, as a storm of reconnects asks."""

from collections.abc import Collection
from importlib import import_module
from typing import Any

from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.contrib.sessions.backends.base import SessionBase
from django.contrib.sessions.models import Session
from django.utils import timezone
from django.utils.crypto import constant_time_compare

from accounts.models import User


def people_of(keys: Collection[str]) -> dict[str, User]:
    """Return the person of each session that may go on: what Django's own get_user asks, in two queries for all.

    The session is there and has not ended, its backend is one of ours, the person is active, and the session was
    opened under the password that still holds. Whoever is banned is returned as well: their socket is told so (4403).
    """
    decode = import_module(settings.SESSION_ENGINE).SessionStore().decode
    rows = Session.objects.filter(session_key__in=list(keys), expire_date__gt=timezone.now())
    sessions: dict[str, dict[str, Any]] = {
        key: decode(data) for key, data in rows.values_list("session_key", "session_data")
    }
    ids = [session[SESSION_KEY] for session in sessions.values() if SESSION_KEY in session]
    # What a socket needs for as long as it lives, and no field more: there may be thousands of them.
    users = User.objects.filter(pk__in=ids, is_active=True).only(
        "name", "guest", "arrived", "banned", "is_active", "password", "times_shut_out"
    )
    people = {str(user.pk): user for user in users}
    found = {key: (session, people.get(session.get(SESSION_KEY, ""))) for key, session in sessions.items()}
    return {key: user for key, (session, user) in found.items() if user is not None and _holds(session, user)}


def _holds(session: dict[str, Any], user: User) -> bool:
    """Say whether one of our backends opened a session under the password of now, with a key of now or before."""
    if session.get(BACKEND_SESSION_KEY) not in settings.AUTHENTICATION_BACKENDS:
        return False
    if user.banned:
        return True  # it lets nobody in, but says whom to tell
    opened = session.get(HASH_SESSION_KEY, "")
    return constant_time_compare(opened, user.get_session_auth_hash()) or _is_of_before(opened, user)


def hash_of_now(session: SessionBase) -> str | None:
    """Give the hash that a session should have had, where it has one under a secret key of before; else None."""
    user = User.objects.filter(pk=session[SESSION_KEY]).only("password", "times_shut_out").first()
    if user is None or not _is_of_before(session.get(HASH_SESSION_KEY, ""), user):
        return None
    return user.get_session_auth_hash()


def _is_of_before(opened: str, user: User) -> bool:
    return any(constant_time_compare(opened, one) for one in user.get_session_auth_fallback_hash())
