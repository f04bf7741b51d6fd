"""Rooms and people, and a log with its threads."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import pytest
from django.db import connections

from accounts.models import User
from chat.log import Commit, Draft, Log
from chat.models import Membership, Room


@dataclass
class Place:
    """A room, who is in it, and what one process's log told of it."""

    room: Room
    closed: Room
    ada: User
    bob: User
    guest: User
    commits: list[Commit] = field(default_factory=list)

    def draft(self, key: str, text: str = "hello", **changes: object) -> Draft:
        """What Ada wants to store in the public room."""
        fields = {
            "room": self.room.pk, "author": self.ada.pk, "author_name": self.ada.name, "guest": False,
            "key": key, "text": text,
        }  # fmt: skip
        return Draft(**fields | changes)  # type: ignore[arg-type]


@pytest.fixture
def place(transactional_db: None) -> Place:
    """A public room not open to guests, a members-only room with Ada in it, and three people."""
    ada, bob = (User.objects.create(username=name, name=name.title()) for name in ("ada", "bob"))
    closed = Room.objects.create(slug="closed", title="Closed", kind=Room.Kind.MEMBERS)
    Membership.objects.create(room=closed, user=ada)
    return Place(
        room=Room.objects.create(slug="hall", title="Hall"),
        closed=closed,
        ada=ada,
        bob=bob,
        guest=User.objects.create_guest(name="Guest"),
    )


@pytest.fixture
async def log(place: Place) -> AsyncIterator[Log]:
    """A process's log."""
    log = Log(place.commits.append)
    yield log
    await log.close()


@pytest.fixture(autouse=True)
def _no_connection_left() -> object:
    """A connection that a test left open would hold the lock of the next."""
    yield
    connections.close_all()
