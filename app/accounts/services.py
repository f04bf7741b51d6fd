"""What changes people."""

from django.contrib.auth import login
from django.http import HttpRequest

from accounts.models import User

BACKEND = "django.contrib.auth.backends.ModelBackend"


def guest_enter(*, request: HttpRequest, name: str) -> User:
    """Log a new guest in; somebody who is a guest already keeps the id and takes the new name."""
    user = request.user
    if isinstance(user, User) and user.guest:
        user.name = name
        user.save(update_fields=["name"])
        return user
    guest = User.objects.create_guest(name=name)
    login(request, guest, backend=BACKEND)
    return guest
