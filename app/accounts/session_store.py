"""Sessions as Django's database store keeps them, on disk with the name of Django's own backend.

The release before knows that name alone: beside it during a rollout, and after a rollback, nobody is logged out.
"""

from typing import Any

from django.contrib.auth import BACKEND_SESSION_KEY
from django.contrib.sessions.backends import db

STORED = "django.contrib.auth.backends.ModelBackend"
BACKEND = "accounts.backends.PersonBackend"


class SessionStore(db.SessionStore):
    """Django's store under Django's name for it, which is a part of what its rows are signed with."""

    def encode(self, session_dict: dict[str, Any]) -> str:
        """Write the name that every release knows."""
        return super().encode(_renamed(session_dict, BACKEND, STORED))

    def decode(self, session_data: bytes | str) -> dict[str, Any]:
        """Read it as the backend of now."""
        return _renamed(super().decode(session_data), STORED, BACKEND)


def _renamed(session: dict[str, Any], old: str, new: str) -> dict[str, Any]:
    return {**session, BACKEND_SESSION_KEY: new} if session.get(BACKEND_SESSION_KEY) == old else session
