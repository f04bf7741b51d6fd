"""What is read of people and sessions, in batches, for many sockets at once."""

from collections.abc import Collection, Iterable
from datetime import datetime
from typing import NamedTuple

from django.contrib.sessions.models import Session
from django.db.models import Q
from django.utils import timezone

from accounts.models import Revocation, User

LONGEST_ID = 18  # digits that a column of 64 bits holds for certain


class NotOnePerson(Exception):  # noqa: N818 (an answer, not a fault)
    """Nobody, or more than one, is called so."""


class Revoked(NamedTuple):
    """One revocation; `user` 0 and `session` "" mean any, `room` 0 the whole socket."""

    id: int
    reason: str
    user: int
    session: str
    room: int


class Standing(NamedTuple):
    """How a person stands now."""

    is_active: bool
    banned: bool
    password: str
    name: str


def revocations_after(floor: int) -> list[Revoked]:
    """Read revocations with larger ids than `floor`, oldest first."""
    rows = Revocation.objects.filter(pk__gt=floor).order_by("pk")
    return [
        Revoked(pk, reason, user or 0, session, room or 0)
        for pk, reason, user, session, room in rows.values_list("pk", "reason", "user", "session", "room")
    ]


def revocation_newest() -> int:
    """Return the largest id given so far, 0 if there is none."""
    return Revocation.objects.order_by("-pk").values_list("pk", flat=True).first() or 0


def sessions_expire(keys: Iterable[str]) -> dict[str, datetime]:
    """Return when those of the sessions end that have not."""
    rows = Session.objects.filter(session_key__in=list(keys), expire_date__gt=timezone.now())
    return dict(rows.values_list("session_key", "expire_date"))


def standings(users: Collection[int]) -> dict[int, Standing]:
    """Return how these people stand, those who are gone left out."""
    rows = User.objects.filter(pk__in=list(users)).values_list("pk", "is_active", "banned", "password", "name")
    return {pk: Standing(active, banned, password, name) for pk, active, banned, password, name in rows}


def person_named(who: str) -> User:
    """Find somebody by id or by username; raises NotOnePerson."""
    called = Q(username=who)
    if who.isascii() and who.isdecimal() and len(who) <= LONGEST_ID:
        called |= Q(pk=int(who))
    found = list(User.objects.filter(called)[:2])
    if len(found) != 1:
        raise NotOnePerson(who)
    return found[0]
