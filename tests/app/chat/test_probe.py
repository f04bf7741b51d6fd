"""The probes' way in: a person and a room that nobody else comes near."""

import io
import json

import pytest
from django.contrib.sessions.models import Session
from django.core.management import call_command
from django.utils import timezone

from accounts.authentication import people_of
from accounts.forms import SignUpForm
from accounts.models import User
from chat.log.read import Asked, Joined, joins
from chat.models import Entry, Membership, Room
from chat.probe import KEPT, SLUG, USERNAME
from chat.selectors import rooms_visible_to
from chat.services import room_create


def ticket() -> dict[str, str]:
    """Run the command and read its line."""
    out = io.StringIO()
    call_command("probe", stdout=out)
    found: dict[str, str] = json.loads(out.getvalue())
    return found


@pytest.mark.django_db
def test_a_session_for_an_hour() -> None:
    """The cookie is worth a log-in for an hour; asking again makes neither a second person nor a second room."""
    first, second = ticket(), ticket()
    assert first["room"] == second["room"] == SLUG
    name, key = second["cookie"].split("=")
    assert name == "sessionid"
    assert people_of([key])[key].username == USERNAME
    left = (Session.objects.get(session_key=key).expire_date - timezone.now()).total_seconds()
    assert 3500 < left <= 3600
    assert (User.objects.count(), Room.objects.count(), Membership.objects.count()) == (1, 1, 1)


@pytest.mark.django_db
def test_nobody_else_is_there() -> None:
    """No password opens the account, nobody can sign up as it, and nobody but it sees the room."""
    ticket()
    assert not User.objects.get(username=USERNAME).has_usable_password()
    assert SignUpForm({"username": USERNAME, "password1": "correct horse", "password2": "correct horse"}).errors[
        "username"
    ]
    ada = User.objects.create_user("ada")
    assert not rooms_visible_to(ada).exists()
    assert room_create(title="_probe", kind=Room.Kind.PUBLIC, creator=ada).slug != SLUG


@pytest.mark.django_db
def test_the_room_does_not_grow_for_ever() -> None:
    """Whoever asks for a way in deletes all but the newest entries; a newcomer's page and the numbers stay whole."""
    ticket()
    room, user = Room.objects.get(slug=SLUG), User.objects.get(username=USERNAME)
    Entry.objects.bulk_create(
        Entry(room=room, seq=seq, author=user, key=f"key-{seq}", text="probe", at=timezone.now())
        for seq in range(1, KEPT + 8)
    )
    Room.objects.filter(pk=room.pk).update(head=KEPT + 7)
    ticket()
    kept = list(Entry.objects.filter(room=room).values_list("seq", flat=True))
    assert kept == list(range(8, KEPT + 8))
    asked = Asked(user, SLUG, None, None)
    joined = joins([asked])[asked]
    assert isinstance(joined, Joined)
    assert joined.position == joined.head.seq == KEPT + 7
