"""One person's rooms hide nobody's, and there is an end to how many one person makes in a day."""

import re
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from accounts.models import User
from chat import limits
from chat.models import Made, Membership, Room
from chat.selectors import rooms_listed_for
from chat.services import TooMany, room_create, room_direct_open, room_member_add, room_member_remove

pytestmark = pytest.mark.django_db
SPAM = 205  # more than the 200 rooms of the list that the attack emptied


@pytest.fixture
def ada() -> User:
    """Somebody who signed up."""
    return User.objects.create(username="ada", name="Ada")


@pytest.fixture
def eve() -> User:
    """Somebody who makes too many."""
    return User.objects.create(username="eve", name="Eve")


@pytest.fixture
def direct(ada: User) -> Room:
    """Ada's room with Bob, in a town that has a lobby."""
    Room.objects.create(slug="lobby", title="Lobby", guests=True)
    return room_direct_open(opener=ada, other=User.objects.create(username="bob", name="Bob"))


def flood(kind: Room.Kind = Room.Kind.PUBLIC, member: User | None = None) -> None:
    """Make rooms whose titles come before every other."""
    made = Room.objects.bulk_create(
        Room(slug=f"spam-{kind}-{n}", title=f"!!! spam {n:03}", kind=kind, guests=True) for n in range(SPAM)
    )
    if member is not None:
        Membership.objects.bulk_create(Membership(room=room, user=member) for room in made)


@pytest.mark.parametrize("spam", ["public", "members"])
def test_a_flood_of_rooms_hides_none(client: Client, ada: User, direct: Room, spam: str) -> None:
    """Neither one's own nor the lobby, whether the flood is of public rooms or of rooms one was let into."""
    flood(Room.Kind(spam), member=ada if spam == "members" else None)
    client.force_login(ada)
    for path in ("/", f"/rooms/{direct.slug}/"):
        shown = re.findall(r'href="/rooms/([\w-]+)/"', client.get(path).content.decode())
        assert {"lobby", direct.slug} <= set(shown)
    guest = Client()
    guest.force_login(User.objects.create_guest(name="Gil"))
    assert 'href="/rooms/lobby/"' in guest.get("/").content.decode()


def test_more_rooms_of_ones_own_than_a_list_has(ada: User, direct: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first that one came into stay; the others are found among the rest."""
    monkeypatch.setattr(limits, "OWN_LISTED", 3)
    flood(Room.Kind.MEMBERS, member=ada)
    listed = rooms_listed_for(ada)
    assert {room.slug for room in listed.own} == {direct.slug, "spam-members-0", "spam-members-1"}
    assert [room.title for room in listed.own] == ["!!! spam 000", "!!! spam 001", "Bob"]
    assert [room.slug for room in rooms_listed_for(ada, text="SPAM 204").others] == ["spam-members-204"]


def test_every_room_is_found(client: Client, ada: User, direct: Room) -> None:
    """Page by page each once, or by a word of its title; what is no page is the first."""
    flood()
    client.force_login(ada)
    pages, shown = 0, list[str]()
    path: str | None = "/"
    while path:
        text = client.get(path).content.decode()
        shown += re.findall(r'href="/rooms/((?:spam|lobby)[\w-]*)/"', text)
        pages += 1
        following = re.search(r'<a href="(\?[^"]*)">More rooms', text)
        path = "/" + following[1].replace("&amp;", "&") if following else None
    assert (pages, len(shown), len(set(shown))) == (5, SPAM + 1, SPAM + 1)
    found = client.get("/", {"q": "spam 204"}).content.decode()
    assert re.findall(r"/rooms/(spam[\w-]+)/", found) == ["spam-public-204"]
    assert f'href="/rooms/{direct.slug}/"' in found
    assert "No other room is called so." in client.get("/", {"q": "%"}).content.decode()
    for odd in ({"page": "0"}, {"page": "x"}, {"page": "9" * 30}, {"q": "x" * 81}, {"q": "\x00"}):
        answer = client.get("/", odd)
        assert answer.status_code == 200
        assert 'href="/rooms/lobby/"' in answer.content.decode()
    assert client.get("/", {"page": str(limits.PAGES)}).status_code == 200


def test_rooms_made_have_an_end(
    client: Client, eve: User, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Whether they are still there or not; 429 with the reason, a line that says who; a day later there are more."""
    monkeypatch.setattr("chat.services.MOST", {Made.What.ROOM: 3})
    client.force_login(eve)
    for number in range(3):
        made = client.post("/rooms/", {"title": f"Room {number}", "kind": "public"})
        assert made.status_code == 302
        Room.objects.get(title=f"Room {number}").delete()
    answer = client.post("/rooms/", {"title": "One more", "kind": "public"})
    assert answer.status_code == 429
    assert "until tomorrow" in answer.content.decode()
    assert not Room.objects.exists()
    assert f"user {eve.pk} made 3" in caplog.text
    Made.objects.update(at=timezone.now() - timedelta(seconds=limits.DAY_SECONDS))
    assert client.post("/rooms/", {"title": "One more", "kind": "public"}).status_code == 302
    assert Made.objects.count() == 1


def test_memberships_given_have_an_end(ada: User, eve: User, monkeypatch: pytest.MonkeyPatch) -> None:
    """In rooms for members and in rooms of two together; taking somebody out gives none back."""
    monkeypatch.setattr("chat.services.MOST", {Made.What.ROOM: 9, Made.What.MEMBER: 3})
    club = room_create(title="Club", kind=Room.Kind.MEMBERS, creator=eve)
    bob = User.objects.create(username="bob", name="Bob")
    for _ in range(2):
        assert room_member_add(room=club, by=eve, user=ada)
        assert not room_member_add(room=club, by=eve, user=ada)
        assert room_member_remove(room=club, by=eve, user=ada)
    room = room_direct_open(opener=eve, other=ada)
    assert room_direct_open(opener=eve, other=ada) == room
    with pytest.raises(TooMany):
        room_direct_open(opener=eve, other=bob)
    with pytest.raises(TooMany):
        room_member_add(room=club, by=eve, user=ada)
    assert set(Membership.objects.values_list("user", "room")) == {
        (eve.pk, club.pk), (eve.pk, room.pk), (ada.pk, room.pk)
    }  # fmt: skip
    assert room_direct_open(opener=ada, other=bob)


@pytest.mark.parametrize("path", ["/rooms/direct/", "/rooms/club/members/"])
def test_pages_that_give_memberships_say_so(
    client: Client, ada: User, eve: User, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    """429, and the form with the reason."""
    room_create(title="Club", kind=Room.Kind.PUBLIC, creator=eve)
    Room.objects.update(kind=Room.Kind.MEMBERS)
    monkeypatch.setattr("chat.services.MOST", {Made.What.MEMBER: 0})
    client.force_login(eve)
    answer = client.post(path, {"username": "ada", "action": "add"})
    assert answer.status_code == 429
    assert "until tomorrow" in answer.content.decode()
    assert not Membership.objects.filter(user=ada).exists()
