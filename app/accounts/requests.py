"""A request of somebody who is known, for type checkers."""

from django.http import HttpRequest

from accounts.models import User


class PersonRequest(HttpRequest):
    """What a view behind `login_required` gets."""

    user: User
