"""What changes people."""

from django.contrib.auth import login
from django.db import transaction
from django.http import HttpRequest

from accounts.models import Revocation, User

BACKEND = "django.contrib.auth.backends.ModelBackend"


def guest_enter(*, request: HttpRequest, name: str) -> User:
    """Log a new guest in; somebody who is a guest already keeps the id and takes the new name."""
    user = request.user
    if isinstance(user, User) and user.guest:
        user.name = name
        user.save(update_fields=["name"])
        return user
    guest = User.objects.create_guest(name=name)
    person_enter(request=request, user=guest)
    return guest


@transaction.atomic
def person_enter(*, request: HttpRequest, user: User) -> None:
    """Log somebody in; the session that the request had ends, with its sockets, if it was somebody else's."""
    # Read before: the request's user is looked up lazily, and after `login` it is the new one.
    before, was = request.session.session_key, request.user.pk
    login(request, user, backend=BACKEND)
    if before and was not in (None, user.pk):
        Revocation.objects.create(reason=Revocation.Reason.LOGGED_OUT, session=before)


def person_ban(*, person: User, banned: bool) -> None:
    """Shut somebody out, or let them in again. Saving revokes: every process closes their sockets within a second."""
    person.banned = banned
    person.save(update_fields=["banned"])
