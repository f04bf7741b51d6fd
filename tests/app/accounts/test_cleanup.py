"""The daily clean-up takes what nobody can use any more, and nothing else."""

from datetime import timedelta
from io import StringIO

import pytest
from django.contrib.sessions.models import Session
from django.core.management import call_command
from django.db import connection
from django.utils import timezone

from accounts import cleanup as module
from accounts.cleanup import cleanup
from accounts.models import LoginTry, Revocation, Ticket, User
from accounts.services import guests_arrive
from accounts.sessions import session_open
from chat.models import Entry, Membership, Room

pytestmark = pytest.mark.django_db

NOW = timezone.now
OLD = timedelta(days=31)


def guest(name: str, *, age: timedelta) -> User:
    """Make a guest who came so long ago."""
    return User.objects.create_guest(name=name, date_joined=NOW() - age, arrived=True)


def expire(key: str) -> None:
    """Let a session run out."""
    Session.objects.filter(session_key=key).update(expire_date=NOW() - timedelta(seconds=1))


def test_an_expired_session_goes_and_a_live_one_stays() -> None:
    """As Django's clearsessions."""
    person = User.objects.create_user("ana")
    live, _ = session_open(user=person)
    gone, _ = session_open(user=person)
    expire(gone)
    assert cleanup()["sessions"] == 1
    assert [session.session_key for session in Session.objects.all()] == [live]


def test_an_expired_ticket_goes_and_a_good_one_stays() -> None:
    """A ticket is good for a minute."""
    Ticket.objects.create(digest="old", session="s", expires=NOW() - timedelta(seconds=1))
    Ticket.objects.create(digest="new", session="s", expires=NOW() + timedelta(seconds=30))
    assert cleanup()["tickets"] == 1
    assert Ticket.objects.get().digest == "new"


def test_a_revocation_goes_after_a_day() -> None:
    """Every process has read it long before."""
    old, new = (Revocation.objects.create(reason=Revocation.Reason.BANNED, user=number) for number in (1, 2))
    Revocation.objects.filter(pk=old.pk).update(at=NOW() - timedelta(hours=25))
    assert cleanup()["revocations"] == 1
    assert Revocation.objects.get() == new


def test_a_try_to_log_in_goes_when_it_no_longer_counts() -> None:
    """And not before: the lock would be lifted."""
    old, new = (LoginTry.objects.create(username=name, address="192.0.2.1") for name in ("old", "new"))
    LoginTry.objects.filter(pk=old.pk).update(at=NOW() - timedelta(minutes=16))
    assert cleanup()["tries"] == 1
    assert LoginTry.objects.get() == new


def test_a_guest_without_a_session_goes_and_what_was_written_stays() -> None:
    """The entry keeps id and name."""
    room = Room.objects.create(slug="den", title="Den", kind=Room.Kind.MEMBERS)
    gone = guest("Gone", age=OLD)
    Membership.objects.create(room=room, user=gone)
    Entry.objects.create(room=room, seq=1, author_id=gone.pk, author_name="Gone", key="k", text="hello", at=NOW() - OLD)
    assert cleanup()["guests"] == 1
    assert not User.objects.exists()
    entry = Entry.objects.get()
    assert (entry.author_id, entry.author_name) == (gone.pk, "Gone")


def test_a_guest_whose_session_was_renewed_stays() -> None:
    """However long ago they came."""
    faithful = guest("Faithful", age=OLD * 4)
    session_open(user=faithful)
    assert cleanup()["guests"] == 0
    assert User.objects.get() == faithful


def test_a_guest_whose_session_ran_out_goes_with_it() -> None:
    """In the same run."""
    key, _ = session_open(user=guest("Late", age=OLD))
    expire(key)
    done = cleanup()
    assert (done["sessions"], done["guests"]) == (1, 1)


def test_a_guest_who_never_opened_a_socket_goes_after_a_day() -> None:
    """With the session; who did, or came less than a day ago, or is no guest, stays."""
    came = NOW() - timedelta(hours=25)
    ghost, visitor, fresh = (User.objects.create_guest(name=name) for name in ("Ghost", "Visitor", "Fresh"))
    account = User.objects.create_user("ana", date_joined=came)
    keys = {person.pk: session_open(user=person)[0] for person in (ghost, visitor, fresh, account)}
    User.objects.filter(pk__in=[ghost.pk, visitor.pk]).update(date_joined=came)
    guests_arrive([visitor.pk])
    assert cleanup()["guests"] == 1
    assert set(User.objects.all()) == {visitor, fresh, account}
    assert {session.session_key for session in Session.objects.all()} == set(keys.values()) - {keys[ghost.pk]}


def test_guests_of_a_release_that_noted_no_arrival_stay() -> None:
    """Its INSERT does not name the column."""
    old = User(username="guest-old", name="Old", guest=True, date_joined=NOW() - timedelta(hours=25))
    fields = [field for field in User._meta.local_fields if field.name not in {"id", "arrived"}]
    names, places = ", ".join(str(field.column) for field in fields), ", ".join("%s" for _ in fields)
    values = [field.get_db_prep_save(getattr(old, field.attname), connection) for field in fields]
    with connection.cursor() as cursor:
        cursor.execute(f"INSERT INTO accounts_user ({names}) VALUES ({places})", values)
    assert cleanup()["guests"] == 0
    assert User.objects.get().arrived


def test_a_young_guest_and_an_idle_account_stay() -> None:
    """A guest who has just come may not have a session yet; an account can log in again for ever."""
    young = guest("Young", age=timedelta(minutes=1))
    account = User.objects.create_user("ana", date_joined=NOW() - OLD * 12)
    assert cleanup()["guests"] == 0
    assert set(User.objects.all()) == {young, account}


def test_more_than_one_batch_goes(monkeypatch: pytest.MonkeyPatch) -> None:
    """All of it, in transactions that are short each."""
    monkeypatch.setattr(module, "BATCH", 3)
    for number in range(8):
        guest(f"guest {number}", age=OLD)
        LoginTry.objects.create(username=str(number), address="")
    LoginTry.objects.update(at=NOW() - OLD)
    done = cleanup()
    assert (done["guests"], done["tries"]) == (8, 8)
    assert not User.objects.exists()
    assert not LoginTry.objects.exists()


def test_the_command_says_what_it_did() -> None:
    """In one line."""
    guest("Gone", age=OLD)
    said = StringIO()
    call_command("cleanup", stdout=said)
    assert (
        said.getvalue()
        == "cleanup: sessions=0 tickets=0 revocations=0 tries=0 addresses=0 newcomers=0 places=0 guests=1\n"
    )
