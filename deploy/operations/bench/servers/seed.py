"""Run inside a Django project: `seed.py PEOPLE ROOMS MESSAGES` makes people with sessions and prints the session keys.

Where the project has an app `chat` (Parley's), it makes public rooms bench-0, bench-1, … too, with so many messages.
"""

import json
import secrets
import sys
from datetime import timedelta

import django

BACKEND = "django.contrib.auth.backends.ModelBackend"
TEXT = "x" * 500  # five times what the members of the bench send: reading them is to cost something


def main() -> None:
    """Make them, and print the keys as the last line."""
    people, rooms, messages = map(int, sys.argv[1:])
    django.setup()
    from django.apps import apps  # noqa: PLC0415 (after setup)
    from django.db import transaction  # noqa: PLC0415
    from django.utils import timezone  # noqa: PLC0415

    with transaction.atomic():
        keys = sessions(people)
        if apps.is_installed("chat"):
            room = apps.get_model("chat", "Room")
            room.objects.bulk_create(
                room(slug=f"bench-{number}", title=f"Bench {number}", kind="public", guests=True, head=messages)
                for number in range(rooms)
            )
            entry = apps.get_model("chat", "Entry")
            entry.objects.bulk_create(
                entry(room=one, seq=seq, author_id=1, author_name="Bench 0", key=str(seq), text=TEXT, at=timezone.now())
                for one in room.objects.filter(slug__startswith="bench-")
                for seq in range(1, messages + 1)
            )
    sys.stdout.write(json.dumps(keys) + "\n")


def sessions(count: int) -> list[str]:
    """Make people, each logged in, and return their session keys."""
    from django.contrib.auth import get_user_model  # noqa: PLC0415 (after setup)
    from django.contrib.sessions.backends.db import SessionStore  # noqa: PLC0415
    from django.contrib.sessions.models import Session  # noqa: PLC0415
    from django.utils import timezone  # noqa: PLC0415

    model = get_user_model()
    has_name = any(field.name == "name" for field in model._meta.get_fields())  # noqa: SLF001 (Django's documented API)
    people = [
        model(username=f"bench-{number}", password="!", **({"name": f"Bench {number}"} if has_name else {}))  # noqa: S106
        for number in range(count)
    ]
    model._default_manager.bulk_create(people)  # noqa: SLF001 (the same)
    store, ends = SessionStore(), timezone.now() + timedelta(days=14)
    rows = []
    for person in people:
        data = {
            "_auth_user_id": str(person.pk),
            "_auth_user_backend": BACKEND,
            "_auth_user_hash": person.get_session_auth_hash(),
        }
        rows.append(Session(session_key=secrets.token_hex(16), session_data=store.encode(data), expire_date=ends))
    Session.objects.bulk_create(rows)
    return [row.session_key for row in rows]


if __name__ == "__main__":
    main()
