"""A session for `./parley rollout`, which sends one message through each new instance."""

import json
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from chat.probe import probe_open


class Command(BaseCommand):
    """Let the rollout in for an hour."""

    help = "Opens a session of an hour in the room of the rollout's probe, and writes it as JSON."

    def handle(self, *_args: Any, **_options: Any) -> None:
        """Write the Cookie header and the room in one line."""
        key, room = probe_open()
        self.stdout.write(json.dumps({"cookie": f"{settings.SESSION_COOKIE_NAME}={key}", "room": room}))
