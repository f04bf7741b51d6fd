"""What Django's own log-out must also do: let the sockets of that session go."""

from typing import Any

from django.contrib.auth.signals import user_logged_out
from django.dispatch import receiver
from django.http import HttpRequest

from accounts.models import Revocation


@receiver(user_logged_out)
def session_ended(request: HttpRequest | None, **_: Any) -> None:
    """Revoke the session that is being logged out of; Django deletes it right after."""
    if request is not None and (key := request.session.session_key):
        Revocation.objects.create(reason=Revocation.Reason.LOGGED_OUT, session=key)
