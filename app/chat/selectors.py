"""What may be read, and by whom: a room is found through the reader's own rows, so the query permits."""

from collections.abc import Collection
from typing import Any, NamedTuple

from django.conf import settings
from django.db.models import OuterRef, Q, QuerySet, Subquery

from accounts.models import User
from chat import limits
from chat.models import Entry, Membership, Room
from chat.probe import SLUG as PROBE

NEWEST = 1_000  # messages that are looked at for who writes most: the log has no index by time, and needs none
LOUDEST = 10


class NoSuchRoom(Exception):  # noqa: N818 (named as its code on the wire)
    """No room that this person may enter has this slug; whether any has is not told."""


class NotAllowed(Exception):  # noqa: N818 (named as its code on the wire)
    """This person may not do this."""


class Listed(NamedTuple):
    """The rooms of one page; `more` says whether the next page of the others has any."""

    own: list[Room]
    others: list[Room]
    more: bool


class Loud(NamedTuple):
    """Somebody of the newest messages: how many are theirs, and from the first of these to the last."""

    messages: int
    seconds: float
    person: int
    username: str  # empty for somebody who is no more
    name: str


def people_loudest() -> list[Loud]:
    """Return who wrote most of the newest messages, the loudest first."""
    written: dict[int, list[Any]] = {}  # of (time, name), the newest first
    people = Entry.objects.exclude(room__slug=PROBE).order_by("-pk")  # and not the probe, every 15 s
    for author, name, at in people.values_list("author", "author_name", "at")[:NEWEST]:
        written.setdefault(author, []).append((at, name))
    usernames = dict(User.objects.filter(pk__in=written).values_list("pk", "username"))
    found = [
        Loud(
            len(theirs), (theirs[0][0] - theirs[-1][0]).total_seconds(), author, usernames.get(author, ""), theirs[0][1]
        )
        for author, theirs in written.items()
    ]
    return sorted(found, key=lambda loud: -loud.messages)[:LOUDEST]


def rooms_visible_to(user: User) -> QuerySet[Room]:
    """Select the rooms this person may enter; being staff gives none beyond these."""
    if not user.is_active or user.banned:
        return Room.objects.none()
    mine = Membership.objects.filter(user=user).values("room")
    rooms = Room.objects.filter(Q(kind=Room.Kind.PUBLIC) | Q(pk__in=mine))
    if not user.guest:
        return rooms
    return rooms.filter(guests=True) if settings.GUESTS else rooms.none()


def rooms_kept(user: User, rooms: Collection[int]) -> set[int]:
    """Return which of these rooms this person may be in."""
    return set(rooms_visible_to(user).filter(pk__in=rooms).values_list("pk", flat=True))


def rooms_readers(rooms: Collection[int], users: Collection[int]) -> set[tuple[int, int]]:
    """Return which of these people may be in which of these rooms, as (room, person); three queries for all."""
    people = dict(User.objects.filter(pk__in=users, is_active=True, banned=False).values_list("pk", "guest"))
    members = set(Membership.objects.filter(room__in=rooms, user__in=users).values_list("room", "user"))
    return {
        (room, person)
        for room, kind, guests in Room.objects.filter(pk__in=rooms).values_list("pk", "kind", "guests")
        for person, guest in people.items()
        if (kind == Room.Kind.PUBLIC or (room, person) in members) and (not guest or (guests and settings.GUESTS))
    }


def rooms_listed_for(user: User, *, text: str = "", page: int = 1) -> Listed:
    """List the rooms of this person's page: their own always, and a page of the others that have `text` in their title.

    The oldest of each first, before any are left out: whatever others make, it hides nothing that was there before.
    """
    others = Membership.objects.filter(room=OuterRef("pk")).exclude(user=user).values("user__name")
    visible = rooms_visible_to(user).annotate(other=Subquery(others[:1]))
    own: list[Room] = list(visible.filter(membership__user=user).order_by("membership__pk")[: limits.OWN_LISTED])
    rest = visible.exclude(pk__in=[room.pk for room in own]).filter(title__icontains=text).order_by("pk")
    start = (page - 1) * limits.ROOMS_LISTED
    found: list[Room] = list(rest[start : start + limits.ROOMS_LISTED + 1])
    for room in (*own, *found):
        if room.kind == Room.Kind.DIRECT:
            room.title = room.other or room.title  # type: ignore[attr-defined]  # annotated above
    own.sort(key=lambda room: room.title.casefold())
    return Listed(own, found[: limits.ROOMS_LISTED], more=len(found) > limits.ROOMS_LISTED)


def room_title_for(user: User, room: Room) -> str:
    """Name a room for this reader: a direct room is the other person."""
    if room.kind != Room.Kind.DIRECT:
        return room.title
    other = User.objects.filter(membership__room=room).exclude(pk=user.pk).first()
    return other.name if other else room.title


def room_keeper(room: Room) -> int | None:
    """Return who of a room's members may take others out: whoever has belonged to it longest, and may come in at all.

    That is its maker, who came first; where the maker left or is banned, the room is not left without anybody.
    """
    members = Membership.objects.filter(room=room, user__is_active=True, user__banned=False)
    return members.order_by("pk").values_list("user", flat=True).first()


def rooms_for(asked: Collection[tuple[User, str]]) -> dict[tuple[int, str], Room | NoSuchRoom]:
    """Find, as room_for does, the rooms that many people ask for, by (id of the person, slug)."""
    rooms = {room.slug: room for room in Room.objects.filter(slug__in={slug for _, slug in asked})}
    # Room 0, which is none: the same statements are run for a room that is not there, and the time tells nothing.
    readers = rooms_readers([0, *(room.pk for room in rooms.values())], [user.pk for user, _ in asked])
    found: dict[tuple[int, str], Room | NoSuchRoom] = {}
    for user, slug in asked:
        room = rooms.get(slug)
        found[user.pk, slug] = room if room and (room.pk, user.pk) in readers else NoSuchRoom(slug)
    return found


def room_for(user: User, slug: str) -> Room:
    """Find the room this person asks for; raise NoSuchRoom where there is none, and where it is not open to them."""
    room = rooms_visible_to(user).filter(slug=slug).first()
    if room is None:
        raise NoSuchRoom(slug)
    return room


def room_has_member(room: Room, user: User) -> bool:
    """Say whether the room is for members and this is one of them."""
    return room.kind == Room.Kind.MEMBERS and Membership.objects.filter(room=room, user=user).exists()
