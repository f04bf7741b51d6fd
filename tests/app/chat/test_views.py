"""The pages: who sees what, and what each form makes of what it is given."""

import json
import re

import pytest
from django.test import Client

from accounts.models import User
from chat.models import Membership, Room

pytestmark = pytest.mark.django_db
CSRF = r'name="csrfmiddlewaretoken" value="\w+"'  # another one on each page


@pytest.fixture
def ada() -> User:
    """Somebody who signed up."""
    return User.objects.create(username="ada", name="Ada <b>")


@pytest.fixture
def bob() -> User:
    """Somebody else."""
    return User.objects.create(username="bob", name="Bob")


@pytest.fixture
def club(bob: User) -> Room:
    """Bob's room for members."""
    club = Room.objects.create(slug="club", title="Club", kind=Room.Kind.MEMBERS)
    Membership.objects.create(room=club, user=bob)
    return club


@pytest.fixture
def page(client: Client, ada: User) -> Client:
    """Ada's client, with a lobby to go to."""
    Room.objects.create(slug="lobby", title="Lobby & <i>co</i>", guests=True)
    client.force_login(ada)
    return client


@pytest.mark.parametrize("path", ["/", "/rooms/lobby/", "/rooms/nowhere/"])
def test_visitors_are_asked_who_they_are(client: Client, path: str) -> None:
    """Who is not known comes back to the page after saying so."""
    answer = client.get(path)
    assert (answer.status_code, answer["Location"]) == (302, f"/accounts/login/?next={path}")


def test_rooms_page(page: Client, club: Room) -> None:
    """The list has the rooms one may enter, and text is text."""
    text = page.get("/").content.decode()
    assert 'href="/rooms/lobby/"' in text
    assert "Lobby &amp; &lt;i&gt;co&lt;/i&gt;" in text
    assert "Ada &lt;b&gt;" in text
    assert "/rooms/club/" not in text


def test_room_page(page: Client, ada: User) -> None:
    """The page tells its modules which room, which person, and every phrase."""
    answer = page.get("/rooms/lobby/")
    text = answer.content.decode()
    assert answer.status_code == 200
    assert f'data-slug="lobby" data-user="{ada.pk}"' in text
    found = re.search(r'<script id="phrases" type="application/json">(.*?)</script>', text)
    assert found
    assert json.loads(found[1])["connecting"] == "Connecting…"


@pytest.mark.parametrize(("path", "status"), [
    ("/rooms/nowhere/", 404), ("/rooms/LOBBY/", 404), ("/rooms/club/", 404), ("/rooms/%00/", 404), ("/nothing", 404),
    ("/rooms/" + "x" * 300 + "/", 404),
])  # fmt: skip
def test_rooms_not_there_or_not_yours(page: Client, club: Room, path: str, status: int) -> None:
    """The same page for both, with a way back: nobody learns what others have."""
    answer = page.get(path)
    assert answer.status_code == status
    assert 'class="button" href="/"' in answer.content.decode()


def test_make_a_room(page: Client, ada: User) -> None:
    """A title and a kind make a room that its maker is in."""
    answer = page.post("/rooms/", {"title": "The Kitchen", "kind": "public"})
    assert (answer.status_code, answer["Location"]) == (302, "/rooms/the-kitchen/")
    assert page.get(answer["Location"]).status_code == 200
    assert Membership.objects.filter(room__slug="the-kitchen", user=ada).exists()


@pytest.mark.parametrize("change", [
    {"title": ""}, {"title": "  "}, {"title": "x" * 81}, {"title": "a\x00b"}, {"title": "\u200b"}, {"kind": "direct"},
    {"kind": "castle"}, {"kind": ""},
])  # fmt: skip
def test_bad_rooms(page: Client, change: dict[str, str]) -> None:
    """What cannot be a room is the form again, with the reason."""
    answer = page.post("/rooms/", {"title": "Kitchen", "kind": "public"} | change)
    assert answer.status_code == 400
    assert "errorlist" in answer.content.decode()
    assert Room.objects.count() == 1


def test_direct(page: Client, bob: User) -> None:
    """By id and name or by username, it is the same room of two."""
    first = page.post("/rooms/direct/", {"user": f"{bob.pk} Bob"})
    assert first.status_code == 302
    assert page.post("/rooms/direct/", {"username": "bob"})["Location"] == first["Location"]
    assert "Bob" in page.get(first["Location"]).content.decode()


@pytest.mark.parametrize(
    "user", ["0", "-1", "x", "", "9" * 30, "4711", "4711 Bob", "{bob}", "{bob} ", "{bob} bob", "{bob} Ada"]
)
def test_direct_with_nobody(page: Client, bob: User, user: str) -> None:
    """An id that is nobody's is refused in words, and in the same words one whose name was not known."""
    answer = page.post("/rooms/direct/", {"user": user.format(bob=bob.pk)})
    nobody = page.post("/rooms/direct/", {"user": "4711 Bob"})
    assert answer.status_code == 403
    assert re.sub(CSRF, "", answer.content.decode()) == re.sub(CSRF, "", nobody.content.decode())
    assert not Room.objects.filter(kind=Room.Kind.DIRECT).exists()


@pytest.mark.parametrize("username", ["", "nobody", "a\x00", "ada "])
def test_direct_by_a_wrong_username(page: Client, username: str) -> None:
    """A username that is nobody's is an error of the form; one's own is refused."""
    status = 403 if username.strip() == "ada" else 400
    assert page.post("/rooms/direct/", {"username": username}).status_code == status


def test_guests_make_nothing(client: Client, bob: User) -> None:
    """Neither rooms nor conversations, and the page does not offer them."""
    client.force_login(User.objects.create_guest(name="Eva"))
    assert client.post("/rooms/", {"title": "Kitchen", "kind": "public"}).status_code == 403
    Room.objects.create(slug="lobby", title="Lobby", guests=True)
    for path, fields in (
        ("/rooms/direct/", {"user": f"{bob.pk} Bob"}),
        ("/rooms/direct/", {"username": "bob"}),
        ("/rooms/direct/", {"username": "nobody"}),
        ("/rooms/direct/", {}),
        ("/rooms/lobby/members/", {"username": "bob", "action": "add"}),
        ("/rooms/lobby/members/", {"username": "nobody", "action": "add"}),
        ("/rooms/nowhere/members/", {}),
    ):
        assert client.post(path, fields).status_code == 403
    assert "/rooms/direct/" not in client.get("/").content.decode()


def test_members(client: Client, ada: User, bob: User, club: Room) -> None:
    """A member lets somebody in and leaves; who left is outside."""
    client.force_login(bob)
    assert client.post("/rooms/club/members/", {"username": "ada", "action": "add"}).status_code == 302
    assert "Ada &lt;b&gt;" in client.get("/rooms/club/").content.decode()
    answer = client.post("/rooms/club/members/", {"username": "bob", "action": "remove"})
    assert answer["Location"] == "/"
    assert client.get("/rooms/club/").status_code == 404
    assert [one.user for one in Membership.objects.filter(room=club)] == [ada]


@pytest.mark.parametrize("fields", [{"username": "nobody", "action": "add"}, {"username": "ada"}, {"action": "add"}])
def test_bad_members(client: Client, ada: User, bob: User, club: Room, fields: dict[str, str]) -> None:
    """Nobody is let in by a form that cannot be read."""
    client.force_login(bob)
    assert client.post("/rooms/club/members/", fields).status_code == 400
    assert Membership.objects.filter(room=club).count() == 1


def test_who_takes_whom_out(client: Client, ada: User, bob: User, club: Room) -> None:
    """The page offers what is allowed; a member who is banned is found, and a stranger who signed up is not."""
    eva, signed_up = User.objects.create(username="eva", banned=True), User.objects.create(username="other")
    for user in (ada, eva):
        Membership.objects.create(room=club, user=user)
    answers = {}
    for who in (ada, bob):
        client.force_login(who)
        page = client.get("/rooms/club/").content.decode()
        offered = set(re.findall(r'value="remove"><input type="hidden" name="username" value="(\w+)"', page))
        assert offered == ({"ada"} if who == ada else {"ada", "bob", "eva"})
        for user in (bob, eva, signed_up) if who == ada else (eva, ada, signed_up):
            form = {"username": user.username, "action": "remove"}
            answers[who.username, user.username] = client.post("/rooms/club/members/", form).status_code
    assert answers == {
        ("ada", "bob"): 403, ("ada", "eva"): 403, ("ada", "other"): 400,
        ("bob", "eva"): 302, ("bob", "ada"): 302, ("bob", "other"): 400,
    }  # fmt: skip
    assert [one.user for one in Membership.objects.filter(room=club)] == [bob]


def test_members_of_a_public_room_are_not_changed(page: Client, bob: User) -> None:
    """A public room has no members to change, and who has no right to is not told who there is."""
    assert page.post("/rooms/lobby/members/", {"username": "nobody", "action": "add"}).status_code == 403
    assert page.post("/rooms/lobby/members/", {"username": "bob", "action": "add"}).status_code == 403


@pytest.mark.parametrize("path", ["/rooms/", "/rooms/direct/", "/rooms/lobby/members/"])
def test_addresses_of_forms_lead_back(page: Client, path: str) -> None:
    """Somebody who reloads where a form was sent to finds a page."""
    assert page.get(path, follow=True).status_code == 200


def test_languages(page: Client) -> None:
    """The browser's language, until the reader chooses another."""
    spanish = page.get("/", headers={"accept-language": "es-MX,es;q=0.9"}).content.decode()
    assert '<html lang="es">' in spanish
    assert "Sala nueva" in spanish
    page.post("/language/", {"language": "es", "next": "/"})
    assert '<html lang="es">' in page.get("/", headers={"accept-language": "en"}).content.decode()
    assert page.post("/language/", {"language": "en", "next": "https://evil.example/"})["Location"] == "/"
