"""Requests of which more is known, for type checkers."""

from django.http import HttpRequest

from accounts.models import User


class PersonRequest(HttpRequest):
    """What a view behind `login_required` gets."""

    user: User


class DoorRequest(HttpRequest):
    """One with the session or the right password of somebody banned; others have no `is_banned`."""

    is_banned: bool


class EnteredRequest(HttpRequest):
    """One in which somebody came in; others have no `entered`."""

    entered: int
