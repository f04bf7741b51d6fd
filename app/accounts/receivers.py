"""What Django's own log-out must also do: let the sockets of that session go."""

from typing import Any

from django.contrib.auth.signals import user_logged_out
from django.dispatch import receiver
from django.http import HttpRequest

from accounts.sessions import session_end


@receiver(user_logged_out)
def session_ended(request: HttpRequest | None, **_: Any) -> None:
    """End the session that is being logged out of.

    Django deletes it right after: too late for a socket that is closed and comes back in between.
    """
    if request is not None and (key := request.session.session_key):
        session_end(key=key)
