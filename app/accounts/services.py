"""What changes people."""

from collections.abc import Collection

from django.contrib.auth import login
from django.db import transaction
from django.http import HttpRequest

from accounts.models import User
from accounts.newcomers import newcomer_admit
from accounts.newness import address_ask, browser_ask
from accounts.session_store import BACKEND


def guest_enter(*, request: HttpRequest, name: str) -> User:
    """Log a new guest in; somebody who is a guest already keeps the id and takes the new name.

    Raise BannedBefore or TooManyPeople.
    """
    user = request.user
    if isinstance(user, User) and user.guest:
        user.name = name
        user.save(update_fields=["name"])
        return user
    address = request.META.get("REMOTE_ADDR", "")
    browser_ask(request)
    address_ask(address)
    newcomer_admit(address=address)
    with transaction.atomic():
        guest = User.objects.create_guest(name=name)
        person_enter(request=request, user=guest)
    return guest


@transaction.atomic
def person_enter(*, request: HttpRequest, user: User) -> None:
    """Log somebody in; the session that the request had ends, with its sockets, if it was somebody else's."""
    login(request, user, backend=BACKEND)


def guests_arrive(people: Collection[int]) -> None:
    """Note that these have opened a socket: they are kept for as long as their sessions."""
    User.objects.filter(pk__in=people).update(arrived=True)


def person_ban(*, person: User, banned: bool) -> None:
    """Shut somebody out, or let them in again. Saving revokes: every process closes their sockets within a second."""
    person.banned = banned
    person.save(update_fields=["banned"])
