"""Checking who somebody says they are, so many times and no more."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from django.contrib.auth import authenticate
from django.db import transaction
from django.db.models import Min, QuerySet
from django.utils import timezone

from accounts import limits
from accounts.models import KnownAddress, LoginTry, User
from parley_serving import metrics
from parley_serving.addresses import network

log = logging.getLogger(__name__)

KNOWN_BROWSER = "browser"  # in the place of an address: any browser that its person came in with
Counted = tuple[dict[str, str], int]  # which tries, and how many of them there may be


class BadCredentials(Exception):  # noqa: N818 (named as its code on the wire)
    """No such person, not this password, or not allowed in: which of them is not told."""


class Locked(Exception):  # noqa: N818 (an answer, not a fault)
    """Too many tries; `seconds` until the next one is looked at."""

    def __init__(self, seconds: int) -> None:
        super().__init__(f"too many tries, {seconds} s to wait")
        self.seconds = seconds


@dataclass(frozen=True)
class Begun:
    """A try that is counted, and the address that it came from."""

    row: LoginTry
    address: str


def credentials_check(*, username: str, password: str, address: str) -> User:
    """Return the person; raise BadCredentials or Locked."""
    begun = login_try(username=username, address=address)
    user = authenticate(username=username, password=password)
    if not isinstance(user, User):
        raise BadCredentials
    login_succeeded(begun)
    return user


def login_try(*, username: str, address: str, browser: Sequence[int] = ()) -> Begun:
    """Count a try before it is looked at, so that a hundred at once are a hundred; raise Locked.

    `browser` has the ids of the people who came in with this browser. In one of theirs a person has tries that nobody
    without it can use up. When these are used up, or in any other browser, the address counts: where this person
    logged in before, only the tries for this person from there, so nobody elsewhere, and nobody who tries other names
    there, locks them out.
    """
    # Folded, then cut: "ß" is two letters afterwards, and the column holds so many.
    username, address = username.casefold()[: limits.USERNAME_CHARACTERS], network(address)
    if _came_in(username, browser):
        kind = {"username": username, "address": KNOWN_BROWSER}
        row, _ = _count(kind, [(kind, limits.TRIES_PER_PERSON)])
        if row is not None:
            return Begun(row, address)
    kind = {"username": username, "address": address}
    counted: list[Counted] = [(kind, limits.TRIES_PER_PERSON)]
    if not KnownAddress.objects.filter(username=username, address=address).exists():
        counted += [({"username": username}, limits.TRIES_PER_USERNAME)]
        counted += [({"address": address}, limits.TRIES_PER_ADDRESS)]
    row, full = _count(kind, counted)
    if row is None:
        raise _locked(full)
    return Begun(row, address)


def _came_in(username: str, browser: Sequence[int]) -> bool:
    """Tell whether somebody with this username is among the people of a browser."""
    names = User.objects.filter(pk__in=browser).values_list("username", flat=True) if browser else ()
    return any(name.casefold()[: limits.USERNAME_CHARACTERS] == username for name in names)


def _count(kind: dict[str, str], counted: Sequence[Counted]) -> tuple[LoginTry | None, dict[str, str]]:
    """Store a try; return None, and which tries are too many, where there may be no more."""
    if full := _full(counted, coming=1):  # without a write: a flood of these must not hold the database up
        return None, full
    mine = LoginTry.objects.create(**kind)
    if full := _full(counted):
        mine.delete()  # a locked try does not prolong the lock
        return None, full
    return mine, {}


def _full(counted: Sequence[Counted], coming: int = 0) -> dict[str, str]:
    """Return which of these tries, with those that are coming, are too many; nothing where none are."""
    for kind, most in counted:
        if _tries(kind).count() + coming > most:
            return kind
    return {}


def _tries(kind: dict[str, str]) -> QuerySet[LoginTry]:
    since = timezone.now() - timedelta(seconds=limits.TRY_SECONDS)
    return LoginTry.objects.filter(at__gt=since, **kind)


def _locked(kind: dict[str, str]) -> Locked:
    """Tell of too many tries, and from when on there may be one more."""
    metrics.turn_away("locked")
    log.warning("a log-in is locked: too many tries of %s", kind)
    now = timezone.now()
    first = _tries(kind).aggregate(first=Min("at"))["first"] or now
    return Locked(max(1, int((first - now).total_seconds()) + limits.TRY_SECONDS))


@transaction.atomic
def login_succeeded(begun: Begun) -> None:
    """Forget a person's failed tries that were counted with this one, and know the address from now on."""
    LoginTry.objects.filter(username=begun.row.username, address=begun.row.address).delete()
    address_remember(username=begun.row.username, address=begun.address)


def address_remember(*, username: str, address: str) -> None:
    """Note that somebody came in from here."""
    KnownAddress.objects.update_or_create(
        username=username.casefold()[:150], address=network(address), defaults={"at": timezone.now()}
    )
