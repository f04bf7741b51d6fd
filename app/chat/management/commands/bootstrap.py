"""What a fresh installation starts with."""

from typing import Any

from django.core.management.base import BaseCommand

from chat.services import room_first_ensure


class Command(BaseCommand):
    """Make the first room, if there is none; any number of instances may run this at once."""

    help = "Makes the public room `lobby`, open to guests, if there is no room yet."

    def handle(self, *_args: Any, **_options: Any) -> None:
        """Say what was done in one line."""
        made = room_first_ensure()
        self.stdout.write("bootstrap: made the room lobby" if made else "bootstrap: nothing to do")
