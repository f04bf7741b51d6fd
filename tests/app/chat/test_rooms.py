"""Who may enter which room, and what may be done to rooms."""

import re
from dataclasses import dataclass
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from pytest_django import Settings

from accounts.models import Revocation, User
from chat.models import Membership, Room
from chat.selectors import (
    NoSuchRoom,
    NotAllowed,
    room_for,
    room_keeper,
    room_title_for,
    rooms_for,
    rooms_kept,
    rooms_listed_for,
    rooms_readers,
    rooms_visible_to,
)
from chat.services import room_create, room_direct_open, room_member_add, room_member_remove

pytestmark = pytest.mark.django_db


@dataclass
class Town:
    """People by what they are, and a room of each kind."""

    member: User
    stranger: User
    staff: User
    guest: User
    banned: User
    rooms: dict[str, Room]


@pytest.fixture
def town() -> Town:
    """A lobby for guests, a public hall, a members' room, and a direct room; `member` is in all."""
    member, stranger = (User.objects.create(username=name, name=name.title()) for name in ("member", "stranger"))
    staff = User.objects.create(username="staff", is_staff=True, is_superuser=True)
    banned = User.objects.create(username="banned", banned=True)
    other = User.objects.create(username="other", name="Other")
    club = room_create(title="Club", kind=Room.Kind.MEMBERS, creator=member)
    Membership.objects.create(room=club, user=banned)
    rooms = {
        "lobby": Room.objects.create(slug="lobby", title="Lobby", guests=True),
        "hall": Room.objects.create(slug="hall", title="Hall"),
        "club": club,
        "direct": room_direct_open(opener=member, other=other),
    }
    return Town(member, stranger, staff, User.objects.create_guest(name="Guest"), banned, rooms)


@pytest.mark.parametrize("guests", [True, False])
def test_asked_for_many_at_once_the_answer_is_the_same(town: Town, settings: Settings, guests: bool) -> None:
    """Everybody and every room; somebody who is gone and a room that is gone are in none."""
    settings.GUESTS = guests
    User.objects.create(username="inactive", is_active=False)
    both = Room.objects.create(slug="both", title="Both", kind=Room.Kind.MEMBERS, guests=True)
    for room in (town.rooms["club"], both):
        Membership.objects.create(room=room, user=town.guest)
    people, rooms = list(User.objects.all()), list(Room.objects.values_list("pk", flat=True))
    one_by_one = {(room, user.pk) for user in people for room in rooms_kept(user, rooms)}
    assert rooms_readers([*rooms, 10**6], [*(user.pk for user in people), 10**6]) == one_by_one
    assert len(one_by_one) > 8


@pytest.mark.parametrize(
    ("changes", "told"),
    [({"kind": "members"}, True), ({"guests": False}, True), ({"title": "Another"}, False), ({}, False)],
)
def test_a_room_that_is_open_to_others_is_told(town: Town, changes: dict[str, object], told: bool) -> None:
    """A row in the transaction that saves it; none for a new room, nor where nobody loses anything."""
    room = town.rooms["lobby"]
    for name, value in changes.items():
        setattr(room, name, value)
    room.save()
    rows = list(Revocation.objects.values_list("reason", "room", "user"))
    assert rows == ([("restricted", room.pk, None)] if told else [])


def test_a_room_saved_late_takes_no_message_back(town: Town) -> None:
    """An admin's page was open while people wrote: head and history stay as the log left them."""
    opened = town.rooms["lobby"]
    Room.objects.filter(pk=opened.pk).update(head=7, epoch="another")
    opened.title = "Another"
    opened.save()
    stored = Room.objects.get(pk=opened.pk)
    assert (stored.title, stored.head, stored.epoch) == ("Another", 7, "another")


@pytest.mark.parametrize(
    ("who", "enters"),
    [
        ("member", {"lobby", "hall", "club", "direct"}),
        ("stranger", {"lobby", "hall"}),
        ("staff", {"lobby", "hall"}),
        ("guest", {"lobby"}),
        ("banned", set()),
    ],
)
def test_access(town: Town, who: str, enters: set[str]) -> None:
    """The list and the door agree, for everybody and every room."""
    user: User = getattr(town, who)
    listed = {room.slug for room in rooms_visible_to(user)}
    assert listed == {town.rooms[name].slug for name in enters}
    assert rooms_kept(user, {room.pk for room in town.rooms.values()}) == {town.rooms[name].pk for name in enters}
    for name, room in town.rooms.items():
        if name in enters:
            assert room_for(user, room.slug) == room
        else:
            with pytest.raises(NoSuchRoom):
                room_for(user, room.slug)
    with pytest.raises(NoSuchRoom):
        room_for(user, "nowhere")


def test_guests_off(town: Town, settings: Settings) -> None:
    """Where guests are not let in, the lobby is closed to them as well."""
    settings.GUESTS = False
    assert not rooms_visible_to(town.guest).exists()


def test_a_guest_is_kept_out_by_the_room_even_as_a_member(town: Town) -> None:
    """A membership made in the admin does not open to a guest what is not open to guests."""
    Membership.objects.create(room=town.rooms["club"], user=town.guest)
    with pytest.raises(NoSuchRoom):
        room_for(town.guest, town.rooms["club"].slug)


def test_inactive_people_see_nothing(town: Town) -> None:
    """Who is not active enters nowhere, member or not."""
    town.member.is_active = False
    assert not rooms_visible_to(town.member).exists()


def test_one_row_per_room(town: Town) -> None:
    """Many members do not make a public room appear many times."""
    for user in (town.member, town.stranger, town.staff):
        Membership.objects.create(room=town.rooms["hall"], user=user)
    slugs = [room.slug for room in rooms_visible_to(town.member)]
    assert len(slugs) == len(set(slugs))


def test_direct_room_is_called_like_the_other(town: Town) -> None:
    """Each of the two reads the other's name."""
    room = town.rooms["direct"]
    other = User.objects.get(username="other")
    assert {one.slug: one.title for one in rooms_listed_for(town.member).own}[room.slug] == "Other"
    assert room_title_for(town.member, room) == "Other"
    assert room_title_for(other, room) == "Member"


def test_direct_room_is_one(town: Town) -> None:
    """Whoever opens it, and however often, it is the same room."""
    other = User.objects.get(username="other")
    assert room_direct_open(opener=other, other=town.member) == town.rooms["direct"]
    assert Room.objects.filter(kind=Room.Kind.DIRECT).count() == 1


def test_direct_room_from_before_keeps_its_address(town: Town) -> None:
    """It was made of two ids; whoever opens it finds it, and it is not made again."""
    first, second = sorted((town.member.pk, town.stranger.pk))
    before = Room.objects.create(slug=f"direct-{first}-{second}", title="Two", kind=Room.Kind.DIRECT)
    assert room_direct_open(opener=town.stranger, other=town.member) == before
    assert room_for(town.member, before.slug) == before


def test_addresses_tell_nothing(town: Town) -> None:
    """Neither who talks with whom, nor what a room for members is called."""
    direct, club = town.rooms["direct"], town.rooms["club"]
    assert re.fullmatch(r"direct-[0-9a-f]{16}", direct.slug)
    assert re.fullmatch(r"room-[0-9a-f]{16}", club.slug)
    assert room_create(title="Club", kind=Room.Kind.MEMBERS, creator=town.stranger).slug != club.slug


def test_not_there_and_not_yours_ask_the_same(town: Town) -> None:
    """The same statements, for one and for many at once."""
    asked = [town.rooms["club"].slug, town.rooms["direct"].slug, "nowhere"]
    for find in (room_alone, room_among):
        told = []
        for slug in asked:
            with CaptureQueriesContext(connection) as queries:
                answer = find(town.stranger, slug)
            told.append((type(answer), len(queries)))
        assert len(set(told)) == 1
        assert told[0][0] is NoSuchRoom


def room_alone(user: User, slug: str) -> object:
    """Ask for one room."""
    try:
        return room_for(user, slug)
    except NoSuchRoom as answer:
        return answer


def room_among(user: User, slug: str) -> object:
    """Ask for it as a join does."""
    return rooms_for([(user, slug)])[user.pk, slug]


@pytest.mark.parametrize("who", ["guest", "banned", "stranger"])
def test_no_direct_room(town: Town, who: str) -> None:
    """Not with a guest, nor with somebody banned, nor with oneself."""
    with pytest.raises(NotAllowed):
        room_direct_open(opener=town.stranger, other=getattr(town, who))


@pytest.mark.parametrize("title", ["Direct", "direct 1 2", "Direct-1-2", "!!!", "会議", "x" * 80, "Lobby", "Hall"])
def test_addresses_of_titles(town: Town, title: str) -> None:
    """Any title gets an address of its own, and none that belongs to two people or to another page."""
    for _ in range(2):
        room = room_create(title=title, kind=Room.Kind.PUBLIC, creator=town.stranger)
        assert room.title == title
        assert not f"{room.slug}-".startswith("direct-")
        room.full_clean()


@pytest.mark.parametrize(("who", "kind"), [("guest", "public"), ("banned", "public"), ("member", "direct")])
def test_rooms_nobody_makes(town: Town, who: str, kind: str) -> None:
    """Guests and banned people make no rooms, and nobody makes a direct room by title."""
    with pytest.raises(NotAllowed):
        room_create(title="Mine", kind=Room.Kind(kind), creator=getattr(town, who))


def test_members_let_in_and_take_out(town: Town) -> None:
    """A member lets somebody in, once, and takes them out, once."""
    club = town.rooms["club"]
    fields: dict[str, Any] = {"room": club, "by": town.member, "user": town.stranger}
    assert [room_member_add(**fields), room_member_add(**fields)] == [True, False]
    assert room_for(town.stranger, club.slug) == club
    assert [room_member_remove(**fields), room_member_remove(**fields)] == [True, False]
    with pytest.raises(NoSuchRoom):
        room_for(town.stranger, club.slug)


def test_who_takes_whom_out(town: Town) -> None:
    """The maker everybody, the banned and the inactive too; others themselves alone, not the maker."""
    club, gone = town.rooms["club"], User.objects.create(username="gone", is_active=False)
    room_member_add(room=club, by=town.member, user=town.stranger)
    Membership.objects.create(room=club, user=gone)
    for user in (town.member, town.banned, gone):
        with pytest.raises(NotAllowed):
            room_member_remove(room=club, by=town.stranger, user=user)
    assert [room_member_remove(room=club, by=town.member, user=user) for user in (town.banned, gone)] == [True, True]
    assert room_member_remove(room=club, by=town.stranger, user=town.stranger)
    assert room_member_remove(room=club, by=town.member, user=town.member)


@pytest.mark.parametrize("how", ["leaves", "is banned", "is deleted", "is inactive"])
def test_a_room_is_not_left_without_a_keeper(town: Town, how: str) -> None:
    """Whoever came next takes the place of a maker who is away, and gives it back."""
    club = town.rooms["club"]
    for user in (town.stranger, town.staff):
        room_member_add(room=club, by=town.member, user=user)
    match how:
        case "leaves":
            room_member_remove(room=club, by=town.member, user=town.member)
        case "is deleted":
            town.member.delete()
        case _:
            User.objects.filter(pk=town.member.pk).update(banned=how == "is banned", is_active=how != "is inactive")
    with pytest.raises(NotAllowed):
        room_member_remove(room=club, by=town.staff, user=town.stranger)
    assert room_keeper(club) == town.stranger.pk
    if how.startswith("is banned"):
        User.objects.filter(pk=town.member.pk).update(banned=False)
        assert room_keeper(club) == town.member.pk
        return
    assert room_member_remove(room=club, by=town.stranger, user=town.staff)


@pytest.mark.parametrize(("room", "by", "user"), [
    ("club", "stranger", "stranger"), ("club", "staff", "stranger"), ("club", "member", "guest"),
    ("club", "member", "banned"), ("hall", "member", "stranger"), ("direct", "member", "stranger"),
])  # fmt: skip
def test_nobody_else_is_let_in(town: Town, room: str, by: str, user: str) -> None:
    """Strangers and staff let nobody in, guests and banned people are not let in, other kinds have no members."""
    with pytest.raises(NotAllowed):
        room_member_add(room=town.rooms[room], by=getattr(town, by), user=getattr(town, user))


@pytest.mark.parametrize("at_once", [False, True], ids=["one", "the admin's list"])
def test_a_room_that_is_deleted_is_closed_for_its_members_too(town: Town, *, at_once: bool) -> None:
    """Its memberships go with it: nobody is told that they alone were removed."""
    room = town.rooms["club"]
    members, before = Membership.objects.filter(room=room), Revocation.objects.count()
    assert members.exists()
    pk = room.pk
    (Room.objects.filter(pk=pk) if at_once else room).delete()
    assert list(Revocation.objects.values_list("reason", "room")[before:]) == [("closed", pk)]


def test_a_person_who_is_deleted_is_taken_out_of_everything(town: Town) -> None:
    """Their rooms stay."""
    pk, club = town.member.pk, town.rooms["club"].pk
    town.member.delete()
    assert Revocation.objects.filter(reason=Revocation.Reason.DEACTIVATED, user=pk, room=None).count() == 1
    assert Revocation.objects.filter(reason=Revocation.Reason.REMOVED, user=pk, room=club).count() == 1
