"""Sessions live from their last use, without a write per request."""

import time

from django.contrib.auth import SESSION_KEY
from django.contrib.sessions.backends.base import UpdateError
from django.http import HttpRequest
from django.utils.deprecation import MiddlewareMixin
from structlog.contextvars import bind_contextvars

RENEWED = "renewed"  # the session's own note of when it was last given its full life, in seconds
DAY = 24 * 3600


class RenewSessionMiddleware(MiddlewareMixin):
    """Store a session again, and send its cookie again, once a day of use: both last 30 days from then."""

    def process_request(self, request: HttpRequest) -> None:
        """Touch the session of somebody logged in, if the last touch is more than a day old."""
        session = request.session
        if SESSION_KEY in session:
            bind_contextvars(user=int(session[SESSION_KEY]))  # of the log's lines
        if SESSION_KEY in session and time.time() - session.get(RENEWED, 0) > DAY:
            session[RENEWED] = int(time.time())
            try:
                # Here, not after the view: a full disk or a lock must cost the renewal, not the page.
                session.save()
            except UpdateError:
                session.modified = False  # so that Django does not try again, and answer 400; the next request does
