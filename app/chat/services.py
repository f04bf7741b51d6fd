"""What changes the chat: keyword-only, atomic, and named after the entity they change."""

import logging
import secrets
from datetime import timedelta

from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.text import slugify

from accounts.models import User
from chat import limits
from chat.models import Made, Membership, Pair, Room, new_epoch
from chat.selectors import NotAllowed, room_has_member, room_keeper
from parley_serving import metrics

log = logging.getLogger(__name__)

MOST = {Made.What.ROOM: limits.ROOMS_A_DAY, Made.What.MEMBER: limits.MEMBERS_A_DAY}
DIRECT_PREFIX = "direct-"  # no titled room may begin so, or it would look like one of two people
SUFFIX_BYTES = 4  # after a title that is taken: two rooms of one name are rare
SECRET_BYTES = 8  # of an address that nobody may guess: 2^64 of them, and each guess is a request
EPOCHS_AT_ONCE = 500  # rooms per statement


class TooMany(Exception):  # noqa: N818 (named for what happened)
    """This person made as many of something as one may within a day; `most` is how many."""

    def __init__(self, most: int) -> None:
        super().__init__(most)
        self.most = most


def room_first_ensure() -> bool:
    """Make the public room `lobby`, open to guests, if there is no room at all; say whether it was made."""
    if Room.objects.exists():
        return False
    fields = {"title": "Lobby", "kind": Room.Kind.PUBLIC, "guests": True}
    return Room.objects.get_or_create(slug="lobby", defaults=fields)[1]  # two instances may boot at once


@transaction.atomic
def room_create(*, title: str, kind: Room.Kind, creator: User) -> Room:
    """Store a public or a members-only room, its creator in it; the address of a public one is made of its title.

    Raises NotAllowed or TooMany.
    """
    if creator.guest or creator.banned or kind == Room.Kind.DIRECT:
        raise NotAllowed(title)
    _count(creator, Made.What.ROOM)
    is_public = kind == Room.Kind.PUBLIC
    for slug in (_slug(title), _slug(title, apart=True)) if is_public else (_secret("room-"),):
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


def _secret(prefix: str) -> str:
    """Make an address that tells of nobody and nothing."""
    return prefix + secrets.token_hex(SECRET_BYTES)


@transaction.atomic
def room_direct_open(*, opener: User, other: User) -> Room:
    """Find or make the one room of two signed-up people; raise NotAllowed or TooMany."""
    if opener.pk == other.pk or any(user.guest or user.banned or not user.is_active for user in (opener, other)):
        raise NotAllowed(other.pk)
    first, second = sorted((opener, other), key=lambda user: user.pk)
    try:
        with transaction.atomic():
            room = _pair_room(first, second) or _pair_make(first, second, opener)
    except IntegrityError:  # the other one opened it at this moment
        room = Pair.objects.get(first=first, second=second).room
    for user in (first, second):
        Membership.objects.get_or_create(room=room, user=user)
    return room


def _pair_room(first: User, second: User) -> Room | None:
    """Find the room of two people; one from before there were pairs has an address made of their ids, and keeps it."""
    pair = Pair.objects.filter(first=first, second=second).select_related("room").first()
    if pair is not None:
        return pair.room
    return Room.objects.filter(slug=f"{DIRECT_PREFIX}{first.pk}-{second.pk}", kind=Room.Kind.DIRECT).first()


def _pair_make(first: User, second: User, opener: User) -> Room:
    """Store the room of two people, on the account of who opens it."""
    _count(opener, Made.What.MEMBER)
    title = f"{first.name[:38]}, {second.name[:38]}"
    room = Room.objects.create(slug=_secret(DIRECT_PREFIX), title=title, kind=Room.Kind.DIRECT)
    Pair.objects.create(first=first, second=second, room=room)
    return room


@transaction.atomic
def room_member_add(*, room: Room, by: User, user: User) -> bool:
    """Let a signed-up person into a members-only room, on a member's word; False if they were in it.

    Raises NotAllowed or TooMany.
    """
    _must_be_member(room, by)
    if user.guest or user.banned:
        raise NotAllowed(user.pk)
    made = Membership.objects.get_or_create(room=room, user=user)[1]
    if made:
        _count(by, Made.What.MEMBER)
    return made


@transaction.atomic
def room_member_remove(*, room: Room, by: User, user: User) -> bool:
    """Take a person out of a members-only room: the keeper whomever, others themselves; False if they were not in it.

    Somebody banned or inactive is taken out like anybody else.
    """
    _must_be_member(room, by)
    if user.pk != by.pk and room_keeper(room) != by.pk:
        log.info("room %s: person %s may not take person %s out", room.pk, by.pk, user.pk)
        raise NotAllowed(user.pk)
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


def _count(by: User, what: Made.What) -> None:
    """Count one more thing that somebody makes, in the transaction that makes it; raise TooMany.

    One after the other for each person, on every process: a hundred at once are a hundred.
    """
    User.objects.select_for_update(no_key=True).get(pk=by.pk)
    theirs = Made.objects.filter(by=by, what=what)
    theirs.filter(at__lte=timezone.now() - timedelta(seconds=limits.DAY_SECONDS)).delete()
    if theirs.count() >= MOST[what]:
        metrics.refuse("rate_limited")
        log.warning("user %d made %d of %r within a day: one more is refused", by.pk, MOST[what], what.value)
        raise TooMany(MOST[what])
    Made.objects.create(by=by, what=what)


def _must_be_member(room: Room, user: User) -> None:
    """Raise NotAllowed unless the room has members and this is one of them."""
    if not room_has_member(room, user):
        raise NotAllowed(room.slug)
