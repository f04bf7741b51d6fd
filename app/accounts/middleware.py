"""Sessions live from their last use, without a write per request, go over to a new secret key, and end with a ban."""

import logging
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, cast

from django.conf import settings
from django.contrib.auth import HASH_SESSION_KEY, SESSION_KEY
from django.contrib.sessions.backends.base import UpdateError
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.utils.deprecation import MiddlewareMixin
from django.utils.translation import gettext

from accounts.authentication import hash_of_now
from accounts.models import User
from accounts.newness import BANNED, browser_remember
from parley_serving import ids, metrics

if TYPE_CHECKING:
    from accounts.requests import DoorRequest, EnteredRequest

log = logging.getLogger(__name__)

RENEWED = "renewed"  # the session's own note of when it was last given its full life, in seconds
DAY = 24 * 3600
# A browser has more people than one: each must be able to log out of what somebody banned left in it.
OPEN_TO_THE_BANNED = {"accounts:login", "accounts:logout", "chat:language"}


class RenewSessionMiddleware(MiddlewareMixin):
    """Store a session again, and send its cookie again, once a day of use: both last 30 days from then.

    One from before the secret key was rotated goes over to the key of now. Before Django asks for the user: that would
    give it another name, and the sockets and the pages that have the old one would be logged out.
    """

    def process_request(self, request: HttpRequest) -> None:
        """Touch the session of somebody logged in, if the last touch is more than a day old or under an old key."""
        session = request.session
        if SESSION_KEY not in session:
            return
        ids.bind(user=int(session[SESSION_KEY]))  # of the log's lines
        another = hash_of_now(session) if settings.SECRET_KEY_FALLBACKS else None
        if another:
            session[HASH_SESSION_KEY] = another
        if another or time.time() - session.get(RENEWED, 0) > DAY:
            session[RENEWED] = int(time.time())
            try:
                # Here, not after the view: a full disk or a lock must cost the renewal, not the page.
                session.save()
            except UpdateError:
                session.modified = False  # so that Django does not try again, and answer 400; the next request does
            else:
                cast("EnteredRequest", request).entered = int(session[SESSION_KEY])

    def process_response(self, request: HttpRequest, response: HttpResponse) -> HttpResponse:
        """Let the browser of somebody who came in, or whose session is renewed, keep who it was."""
        if hasattr(request, "entered"):
            browser_remember(request, response)
        return response


class BannedMiddleware(MiddlewareMixin):
    """Tell somebody banned so, on whatever page they ask for; that they are let in nowhere is the backend's work."""

    def process_view(self, request: HttpRequest, _view: Callable[..., HttpResponse], *_: Any) -> None:
        """Refuse the session of somebody banned, but where one goes out, or in as somebody else."""
        person = request.session.get(SESSION_KEY)
        if person is None or request.user.is_authenticated or not User.objects.filter(pk=person, banned=True).exists():
            return
        if request.resolver_match is None or request.resolver_match.view_name not in OPEN_TO_THE_BANNED:
            metrics.refuse(BANNED)
            log.info("somebody banned is refused: person %s", person)
            cast("DoorRequest", request).is_banned = True
            raise PermissionDenied(gettext("This account is banned."))
