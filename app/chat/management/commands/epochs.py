"""What a restored database needs before people come back to it."""

from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from chat.services import epochs_renew


class Command(BaseCommand):
    """Tell every client that what it remembers of a room may not be so."""

    help = "renew: gives every room a new epoch; clients then read the room anew and resume nothing."

    def add_arguments(self, parser: CommandParser) -> None:
        """Take the one word there is, so that nobody does this by a slip."""
        parser.add_argument("what", choices=["renew"])

    def handle(self, *_args: Any, **_options: Any) -> None:
        """Say how many rooms there are in one line."""
        self.stdout.write(f"epochs: {epochs_renew()} renewed")
