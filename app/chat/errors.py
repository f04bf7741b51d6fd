"""What a page says when it could not be made."""

import sys
from http import HTTPStatus

from django.db import InterfaceError, InternalError, OperationalError
from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string

RETRY_SECONDS = 5  # what Retry-After asks for: a lock is gone by then, and a failover soon after
# Full, locked, or gone; InternalError is PostgreSQL's word for a server that only reads, as after a failover.
AWAY = (OperationalError, InterfaceError, InternalError)


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:  # noqa: ARG001 (Django's own says no more)
    """Answer 400; Django's own view reads the form once more, for its CSRF token, which fails again and ends in 500."""
    return HttpResponse(render_to_string("400.html"), status=HTTPStatus.BAD_REQUEST)


def server_error(request: HttpRequest) -> HttpResponse:  # noqa: ARG001 (its person would have to be read)
    """Answer 503 where the database could not be read or written, which passes; 500 for what is a bug."""
    if isinstance(sys.exception(), AWAY):
        headers = {"Retry-After": str(RETRY_SECONDS)}
        return HttpResponse(render_to_string("503.html"), status=HTTPStatus.SERVICE_UNAVAILABLE, headers=headers)
    return HttpResponse(render_to_string("500.html"), status=HTTPStatus.INTERNAL_SERVER_ERROR)
