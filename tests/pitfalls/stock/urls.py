"""A page, a form, and a page that asks the database."""

from typing import Any

from django.db import connection
from django.http import HttpResponse
from django.urls import path


def page(request: Any) -> HttpResponse:
    """Answer whatever is asked."""
    return HttpResponse(f"{request.scheme} {request.META.get('REMOTE_ADDR')}")


def asks(request: Any) -> HttpResponse:
    """Ask the database one thing."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    return HttpResponse("ok")


urlpatterns = [path("", page), path("asks/", asks)]
