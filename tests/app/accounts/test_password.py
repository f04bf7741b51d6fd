"""One's own password: changed on a page of ours, with every other session ended."""

import pytest
from django.test import Client

from accounts import limits
from accounts.authentication import people_of
from accounts.models import LoginTry, Revocation, User
from accounts.sessions import session_open

pytestmark = pytest.mark.django_db
OLD, NEW = "a long enough one", "another long one"
NEW_ONES = ("new_password1", "new_password2")
PAGE = "/accounts/password/"


def fields(**changes: str) -> dict[str, str]:
    """What is to be filled in."""
    return {"old_password": OLD, "new_password1": NEW, "new_password2": NEW} | changes


@pytest.fixture
def ada() -> User:
    """Somebody who signed up."""
    return User.objects.create_user("ada", password=OLD, name="Ada")


@pytest.fixture
def inside(client: Client, ada: User) -> Client:
    """Their browser."""
    client.force_login(ada)
    return client


@pytest.mark.parametrize(("language", "title"), [("en", "Change your password"), ("es", "Cambia tu contraseña")])
def test_the_page_is_one_of_ours(inside: Client, language: str, title: str) -> None:
    """In both languages, and the rooms lead to it."""
    page = inside.get(PAGE, headers={"accept-language": language})
    assert f'<h1 id="password-title">{title}</h1>' in page.content.decode()
    assert "no-store" in page.headers["Cache-Control"]
    assert f'href="{PAGE}"' in inside.get("/").content.decode()


def test_a_new_password_ends_every_other_session(inside: Client, ada: User) -> None:
    """This browser stays, under another key; nothing of before lets anybody in."""
    other, before = session_open(user=ada)[0], inside.session.session_key
    answer = inside.post(PAGE, fields())
    assert (answer.status_code, answer["Location"]) == (302, "/")
    page = inside.get("/")
    assert (page.status_code, "Your password is changed." in page.content.decode()) == (200, True)
    now = inside.session.session_key
    assert before
    assert now
    assert people_of([before, other, now]) == {now: ada}
    rows = set(Revocation.objects.values_list("reason", "user", "session"))
    assert {("password", ada.pk, ""), ("logged_out", None, before)} <= rows
    assert ("logged_out", None, now) not in rows
    assert User.objects.get().check_password(NEW)


@pytest.mark.parametrize(
    "change",
    [
        {"old_password": "wrong"},
        {"old_password": ""},
        {"new_password2": "x"},
        dict.fromkeys(NEW_ONES, "1"),
    ],
)
def test_what_changes_nothing(inside: Client, change: dict[str, str]) -> None:
    """The form again, with the reason."""
    answer = inside.post(PAGE, fields(**change))
    assert (answer.status_code, "errorlist" in answer.content.decode()) == (400, True)
    assert User.objects.get().check_password(OLD)
    assert inside.get("/").status_code == 200


def test_guesses_of_the_old_one_are_counted(inside: Client) -> None:
    """Together with tries to log in: whoever finds an open browser guesses no more than anybody; a success clears."""
    for _ in range(limits.TRIES_PER_PERSON):
        inside.post(PAGE, fields(old_password="wrong"))
    answer = inside.post(PAGE, fields())
    assert (answer.status_code, "Too many tries" in answer.content.decode()) == (400, True)
    assert User.objects.get().check_password(OLD)
    LoginTry.objects.all().delete()
    inside.post(PAGE, fields(old_password="wrong"))
    assert inside.post(PAGE, fields()).status_code == 302
    assert not LoginTry.objects.exists()


def test_others_have_none_to_change(client: Client) -> None:
    """Whoever is not known logs in first; a guest has no password."""
    assert client.get(PAGE)["Location"] == f"/accounts/login/?next={PAGE}"
    client.force_login(User.objects.create_guest(name="Eva"))
    assert client.get(PAGE).status_code == 403
    assert client.post(PAGE, fields()).status_code == 403
