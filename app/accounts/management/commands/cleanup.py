"""The daily clean-up."""

from typing import Any

from django.core.management.base import BaseCommand

from accounts.cleanup import cleanup


class Command(BaseCommand):
    """Delete what nobody can use any more."""

    help = "Deletes expired sessions and tickets, old revocations, tries, addresses, and guests who cannot come back."

    def handle(self, *_args: Any, **_options: Any) -> None:
        """Say what was done in one line."""
        deleted = " ".join(f"{kind}={number}" for kind, number in cleanup().items())
        self.stdout.write(f"cleanup: {deleted}")
