"""Sessions live from their last use, without a write per request, and go over to a new secret key."""

import time

from django.conf import settings
from django.contrib.auth import HASH_SESSION_KEY, SESSION_KEY
from django.contrib.sessions.backends.base import UpdateError
from django.http import HttpRequest
from django.utils.deprecation import MiddlewareMixin
from structlog.contextvars import bind_contextvars

from accounts.authentication import hash_of_now

RENEWED = "renewed"  # the session's own note of when it was last given its full life, in seconds
DAY = 24 * 3600


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
        bind_contextvars(user=int(session[SESSION_KEY]))  # of the log's lines
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
