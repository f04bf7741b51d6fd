"""What an operator does about people from a shell."""

import io
from datetime import timedelta

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from accounts.models import Revocation, User
from chat import selectors
from chat.models import Entry, Room

pytestmark = pytest.mark.django_db


def people(*words: str) -> str:
    """Run the command and return what it says."""
    out = io.StringIO()
    call_command("people", *words, stdout=out)
    return out.getvalue()


@pytest.mark.parametrize("by", ["pk", "username"])
def test_a_ban_is_read_by_every_process(by: str) -> None:
    """It leaves the row that closes sockets; a second one leaves none, and nobody else is touched."""
    person, other = User.objects.create_user("ana"), User.objects.create_user("bea")
    for _ in range(2):
        assert people("ban", str(getattr(person, by))) == f"people: {person.pk} ana 'ana': banned\n"
    assert list(Revocation.objects.values_list("reason", "user")) == [("banned", person.pk)]
    assert people("unban", str(getattr(person, by))) == f"people: {person.pk} ana 'ana': may come in\n"
    assert dict(User.objects.values_list("username", "banned")) == {"ana": False, "bea": False}
    assert other.pk != person.pk


def test_whoever_is_not_meant_is_left_alone() -> None:
    """Nobody of that name; a number that is one person's id and another's username; words too few or too many."""
    person = User.objects.create_user("ana")
    User.objects.create_user(str(person.pk))
    for words in (
        ["ban", "nobody"],
        ["ban", str(person.pk)],
        ["ban", "9" * 30],
        ["ban"],
        ["loud", "ana"],
        ["kick", "ana"],
    ):
        with pytest.raises(CommandError):
            people(*words)
    assert not User.objects.filter(banned=True).exists()


def test_the_loudest_come_first(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of the newest messages alone, with their time; somebody who is no more is told, too."""
    monkeypatch.setattr(selectors, "NEWEST", 5)
    room, now = Room.objects.create(slug="r", title="R"), timezone.now()
    loud = User.objects.create_guest(name="Loud")
    gone = User.objects.create_user("gone").pk
    for seq, author in enumerate([gone, gone, gone, loud.pk, gone, loud.pk, loud.pk], 1):
        at = now + timedelta(seconds=2 * seq)
        Entry.objects.create(room=room, seq=seq, author_id=author, author_name="N", key=f"k{seq}", text="t", at=at)
    probe = Room.objects.create(slug="_probe", title="Probe")
    Entry.objects.create(room=probe, seq=1, author_id=9, author_name="Probe", key="k", text="t", at=now)
    User.objects.filter(pk=gone).delete()
    assert people("loud").splitlines() == [
        f"people: 3 messages in 6 s: {loud.pk} {loud.username} 'N'",
        f"people: 2 messages in 4 s: {gone}  'N'",
    ]
