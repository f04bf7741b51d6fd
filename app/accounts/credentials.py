"""Checking who somebody says they are, so many times and no more."""

from datetime import timedelta

from django.contrib.auth import authenticate
from django.db.models import Min
from django.utils import timezone

from accounts import limits
from accounts.models import LoginTry, User


class BadCredentials(Exception):  # noqa: N818 (named as its code on the wire)
    """No such person, not this password, or not allowed in: which of them is not told."""


class Locked(Exception):  # noqa: N818 (an answer, not a fault)
    """Too many tries; `seconds` until the next one is looked at."""

    def __init__(self, seconds: int) -> None:
        super().__init__(f"too many tries, {seconds} s to wait")
        self.seconds = seconds


def credentials_check(*, username: str, password: str, address: str) -> User:
    """Return the person; raise BadCredentials or Locked."""
    begun = login_try(username=username, address=address)
    user = authenticate(username=username, password=password)
    if not isinstance(user, User) or user.banned:
        raise BadCredentials
    login_succeeded(begun)
    return user


def login_try(*, username: str, address: str) -> LoginTry:
    """Count a try before it is looked at, so that a hundred at once are a hundred; raise Locked."""
    since = timezone.now() - timedelta(seconds=limits.TRY_SECONDS)
    username, address = username[:150].casefold(), address[:45]
    tries = LoginTry.objects.filter(at__gt=since)
    mine = LoginTry.objects.create(username=username, address=address)
    for kind, most in (
        ({"username": username, "address": address}, limits.TRIES_PER_PERSON),
        ({"username": username}, limits.TRIES_PER_USERNAME),
        ({"address": address}, limits.TRIES_PER_ADDRESS),
    ):
        if tries.filter(**kind).count() > most:
            mine.delete()  # a locked try does not prolong the lock
            first = tries.filter(**kind).aggregate(first=Min("at"))["first"] or timezone.now()
            raise Locked(max(1, int((first - since).total_seconds())))
    return mine


def login_succeeded(begun: LoginTry) -> None:
    """Forget a person's failed tries from this address."""
    LoginTry.objects.filter(username=begun.username, address=begun.address).delete()
