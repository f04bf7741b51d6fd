"""A session for whoever sends a message and reads it back: `./parley rollout`, `doctor` and `watch`."""

import json
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from chat.probe import probe_open


class Command(BaseCommand):
    """Let a probe in for an hour."""

    help = "Opens a session of an hour in the probes' room, and writes it as JSON."

    def handle(self, *_args: Any, **_options: Any) -> None:
        """Write the Cookie header and the room in one line."""
        key, room = probe_open()
        self.stdout.write(json.dumps({"cookie": f"{settings.SESSION_COOKIE_NAME}={key}", "room": room}))
