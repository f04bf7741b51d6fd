"""What a page says when it could not be made."""

import io
import logging
import sys
from functools import cache
from http import HTTPStatus
from typing import Any

from django.contrib.admin.options import TO_FIELD_VAR
from django.core.exceptions import FieldDoesNotExist
from django.core.handlers.asgi import ASGIRequest
from django.db import DataError, InterfaceError, InternalError, OperationalError
from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django.utils import translation
from django.utils.deprecation import MiddlewareMixin
from django.views import defaults

log = logging.getLogger(__name__)

RETRY_SECONDS = 5  # what Retry-After asks for: a lock is gone by then, and a failover soon after
# Full, locked, or gone; InternalError is PostgreSQL's word for a server that only reads, as after a failover.
AWAY = (OperationalError, InterfaceError, InternalError)


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:  # noqa: ARG001 (Django's own says no more)
    """Answer 400; Django's own view reads the form once more, for its CSRF token, which fails again and ends in 500."""
    return HttpResponse(render_to_string("400.html"), status=HTTPStatus.BAD_REQUEST)


def forbidden(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Answer 403 as Django does, without the form."""
    return defaults.permission_denied(_unread(request), exception)


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Answer 404 as Django does, without the form: where it is none, Django's own view ends in 500."""
    return defaults.page_not_found(_unread(request), exception)


def _unread(request: HttpRequest) -> HttpRequest:
    """Have the views of errors, which ensure a CSRF token, leave the form alone: nothing is done with it."""
    request.csrf_processing_done = True  # type: ignore[attr-defined]  # of CsrfViewMiddleware
    return request


def server_error(request: HttpRequest) -> HttpResponse:  # noqa: ARG001 (its person would have to be read)
    """Answer 503 where the database could not be read or written, which passes; 500 for what is a bug."""
    if isinstance(sys.exception(), AWAY):
        headers = {"Retry-After": str(RETRY_SECONDS)}
        return HttpResponse(render_to_string("503.html"), status=HTTPStatus.SERVICE_UNAVAILABLE, headers=headers)
    return HttpResponse(render_to_string("500.html"), status=HTTPStatus.INTERNAL_SERVER_ERROR)


class BadDataMiddleware(MiddlewareMixin):
    """Takes bad input for what it is: what the database cannot hold, and a field of the admin that there is none of."""

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        """Answer 400, with one line in the log."""
        if isinstance(exception, DataError):
            log.warning("a form has what the database cannot hold: %s", str(exception).strip())
        # The admin asks whether a field may be named here, unless its name is empty: Django 5.2 and 6.0.
        elif isinstance(exception, FieldDoesNotExist) and TO_FIELD_VAR in {*request.GET, *request.POST}:
            log.warning("an address of the admin names no field: %s", exception)
        else:
            return None
        return bad_request(request, exception)


def busy_page(scope: Any) -> bytes:
    """Return the same page for who is refused before Django sees the request, in the language that is asked for."""
    asked = ASGIRequest(
        {**scope, "path": "/", "query_string": b""}, io.BytesIO()
    )  # what cannot be read decides nothing
    return _busy_page(translation.get_language_from_request(asked))


@cache
def _busy_page(language: str) -> bytes:
    with translation.override(language):
        return render_to_string("503.html").encode()
