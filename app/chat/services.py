"""What changes the chat: keyword-only, atomic, and named after the entity they change."""

import secrets

from django.db import IntegrityError, transaction
from django.utils.text import slugify

from accounts.models import User
from chat import limits
from chat.models import Membership, Room, new_epoch
from chat.selectors import NotAllowed

DIRECT_PREFIX = "direct-"  # no titled room may begin so, or it would take the address of two people
SUFFIX_BYTES = 4
EPOCHS_AT_ONCE = 500  # rooms per statement


def room_first_ensure() -> bool:
    """Make the public room `lobby`, open to guests, if there is no room at all; say whether it was made."""
    if Room.objects.exists():
        return False
    fields = {"title": "Lobby", "kind": Room.Kind.PUBLIC, "guests": True}
    return Room.objects.get_or_create(slug="lobby", defaults=fields)[1]  # two instances may boot at once


def room_create(*, title: str, kind: Room.Kind, creator: User) -> Room:
    """Store a public or a members-only room, its creator in it, under an address made of its title."""
    if creator.guest or creator.banned or kind == Room.Kind.DIRECT:
        raise NotAllowed(title)
    for slug in (_slug(title), _slug(title, apart=True)):
        try:
            with transaction.atomic():
                room = Room.objects.create(slug=slug, title=title, kind=kind)
                Membership.objects.create(room=room, user=creator)
                return room
        except IntegrityError:
            if not Room.objects.filter(slug=slug).exists():
                raise
    raise IntegrityError(f"two random addresses were taken for {title!r}")


def _slug(title: str, *, apart: bool = False) -> str:
    """Make an address of a title's ASCII letters, with random ones where it has none or where it is taken."""
    slug = slugify(title)[: limits.SLUG_CHARACTERS - 2 * SUFFIX_BYTES - 1].strip("-_")
    if not slug or f"{slug}-".startswith(DIRECT_PREFIX):
        slug, apart = "room", True
    return f"{slug}-{secrets.token_hex(SUFFIX_BYTES)}" if apart else slug


@transaction.atomic
def room_direct_open(*, opener: User, other: User) -> Room:
    """Find or make the one room of two signed-up people."""
    if opener.pk == other.pk or any(user.guest or user.banned or not user.is_active for user in (opener, other)):
        raise NotAllowed(other.pk)
    first, second = sorted((opener, other), key=lambda user: user.pk)
    room, _ = Room.objects.get_or_create(
        slug=f"{DIRECT_PREFIX}{first.pk}-{second.pk}",
        defaults={"title": f"{first.name[:38]}, {second.name[:38]}", "kind": Room.Kind.DIRECT},
    )
    for user in (first, second):
        Membership.objects.get_or_create(room=room, user=user)
    return room


@transaction.atomic
def room_member_add(*, room: Room, by: User, user: User) -> bool:
    """Let a signed-up person into a members-only room, on a member's word; False if they were in it."""
    _must_be_member(room, by)
    if user.guest or user.banned:
        raise NotAllowed(user.pk)
    return Membership.objects.get_or_create(room=room, user=user)[1]


@transaction.atomic
def room_member_remove(*, room: Room, by: User, user: User) -> bool:
    """Take a person out of a members-only room, on a member's word; False if they were not in it."""
    _must_be_member(room, by)
    return Membership.objects.filter(room=room, user=user).delete()[0] > 0


@transaction.atomic
def epochs_renew() -> int:
    """Give every room a new epoch, for its history was replaced; return how many there are.

    Only while no instance runs: a feed learns its room's epoch once.
    """
    rooms = list(Room.objects.only("epoch"))
    for room in rooms:
        room.epoch = new_epoch()
    return Room.objects.bulk_update(rooms, ["epoch"], batch_size=EPOCHS_AT_ONCE)


def _must_be_member(room: Room, user: User) -> None:
    """Raise NotAllowed unless the room has members and this is one of them."""
    if room.kind != Room.Kind.MEMBERS or not Membership.objects.filter(room=room, user=user).exists():
        raise NotAllowed(room.slug)
