"""Another name leaves a row, which every process reads: open sockets take it."""

import pytest
from django.contrib.sessions.backends.db import SessionStore
from django.test import Client
from django.utils import timezone

from accounts.models import Revocation, User

pytestmark = pytest.mark.django_db


@pytest.fixture
def eva() -> User:
    """Somebody with a name."""
    return User.objects.create_user("eva", name="Eva")


def rows() -> list[tuple[str, int | None]]:
    """What the processes are told."""
    return list(Revocation.objects.filter(user__isnull=False).values_list("reason", "user"))


def test_a_guest_who_comes_again_under_another_name(client: Client) -> None:
    """The id stays; who gives the same name again has none to tell."""
    for name in ("Eva", "Eva", "Eve"):
        client.post("/accounts/guest/", {"name": name})
    assert rows() == [("renamed", User.objects.get(name="Eve").pk)]


def test_the_admin_gives_another_name(admin_client: Client, eva: User) -> None:
    """By its form, which stores every field; other fields leave no row."""
    page = admin_client.get(f"/admin/accounts/user/{eva.pk}/change/")
    fields = {name: value for name, value in page.context["adminform"].form.initial.items() if value}
    when = {"date_joined_0": eva.date_joined.date().isoformat(), "date_joined_1": "00:00:00"}
    for changes in ({"first_name": "E."}, {"name": "Eve"}):
        form = {**fields, **when, **changes}
        assert admin_client.post(f"/admin/accounts/user/{eva.pk}/change/", form).status_code == 302
    assert rows() == [("renamed", eva.pk)]


def test_what_is_not_stored_is_not_told(eva: User) -> None:
    """Whoever stores other fields alone may have read the name long ago."""
    User.objects.filter(pk=eva.pk).update(name="Eve")
    eva.last_login = timezone.now()
    eva.save(update_fields=["last_login"])
    assert rows() == []
    eva.save(update_fields=["name"])
    assert rows() == [("renamed", eva.pk)]


def test_the_release_before_ends_no_socket_for_it(eva: User) -> None:
    """It knows no such reason, and ends whoever has the row's person and session: nobody has that session."""
    eva.name = "Eve"
    eva.save()
    [session] = Revocation.objects.values_list("session", flat=True)
    assert session
    assert SessionStore(session).session_key is None


def test_a_ban_ends_every_session(eva: User) -> None:
    """Only a rename is of nobody's session."""
    eva.name, eva.banned = "Eve", True
    eva.save()
    assert set(Revocation.objects.values_list("reason", "session")) == {("banned", ""), ("renamed", "-")}
