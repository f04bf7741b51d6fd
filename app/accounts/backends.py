"""Who is let in, asked once: by pages, by the admin, by sockets, and by any consumer that asks Django or Channels."""

from typing import TYPE_CHECKING, Any, cast

from django.contrib.auth.backends import ModelBackend
from django.contrib.auth.models import AnonymousUser
from django.http import HttpRequest

from accounts.models import User

if TYPE_CHECKING:
    from accounts.requests import DoorRequest


class PersonBackend(ModelBackend):
    """Django's backend, to which somebody banned or inactive is nobody: no password and no session lets them in."""

    _request: HttpRequest | None = None

    def authenticate(
        self, request: HttpRequest | None, username: str | None = None, password: str | None = None, **others: Any
    ) -> User | None:
        """Keep the request, which is to have why a right password was refused; Django makes a backend per call."""
        self._request = request
        return super().authenticate(request, username=username, password=password, **others)

    def user_can_authenticate(self, user: User | AnonymousUser | None) -> bool:
        """Refuse the banned and the inactive; while a password is checked, only a right one comes this far."""
        banned = isinstance(user, User) and user.banned
        if banned and self._request is not None:
            cast("DoorRequest", self._request).is_banned = True
        return super().user_can_authenticate(user) and not banned
