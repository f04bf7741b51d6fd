"""Reading: joins, pages of history, what a feed missed, and where logs end. All synchronous, in the reader's thread."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from accounts.models import User
from chat import limits
from chat.frames import Author, encode_entry, fitting, timestamp
from chat.frames import Entry as EntryFrame
from chat.models import Entry, Room, new_epoch
from chat.selectors import room_for, room_title_for, rooms_for
from realtime.hub import Head

FIELDS = ("seq", "kind", "key", "author", "author_name", "text", "at", "target", "reply_to")


@dataclass(frozen=True, slots=True)
class Joined:
    """What a join reads; `entries` end at `position`, which is under `head` where one frame cannot hold them all."""

    room: int
    title: str
    head: Head
    entries: list[bytes]
    position: int
    recovered: bool


class Page(NamedTuple):
    """Entries older than asked, ascending, and whether there are older ones still."""

    entries: list[bytes]
    more: bool


class Ahead(Exception):  # noqa: N818 (a fact, not an error: the client saw what this log does not have)
    """Somebody who knows the room's epoch has more of it than its log: the log was replaced, or the claim is false."""

    def __init__(self, room: int) -> None:
        super().__init__(room)
        self.room = room


class Asked(NamedTuple):
    """A join that somebody asks for."""

    user: User
    slug: str
    after: int | None
    epoch: str | None


def joins(asked: Sequence[Asked]) -> dict[Asked, Joined | Exception]:
    """Read rooms for those who enter them; NoSuchRoom, NotAllowed and Ahead are answers here. Many want the same."""
    read: dict[tuple[int, int, int], list[bytes]] = {}
    rooms = rooms_for([(one.user, one.slug) for one in asked])
    answers: dict[Asked, Joined | Exception] = {}
    for one in asked:
        room = rooms[one.user.pk, one.slug]
        answers[one] = room if isinstance(room, Exception) else _join(one, room, read)
    return answers


def _join(asked: Asked, room: Room, read: dict[tuple[int, int, int], list[bytes]]) -> Joined | Ahead:
    """Read one room for one person, with the entries that were read for others before."""
    after = asked.after if asked.epoch == room.epoch else None
    if after is not None and after > room.head:
        return Ahead(room.pk)
    if after is not None and _is_whole(room, after):
        start, most = after, limits.RESUME_ENTRIES
    else:
        after = None
        start, most = max(0, room.head - limits.JOIN_ENTRIES), limits.JOIN_ENTRIES
    wanted = (room.pk, start, most)
    if wanted not in read:
        entries = entries_after(room.pk, start, most, epoch=room.epoch, upto=room.head) if start < room.head else []
        read[wanted] = entries[: fitting(entries, room=limits.JOINED_BYTES)]
    head = Head(room.epoch, room.head)
    title, position = room_title_for(asked.user, room), start + len(read[wanted])
    return Joined(room.pk, title, head, read[wanted], position, recovered=after is not None)


def _is_whole(room: Room, after: int) -> bool:
    """Say whether every entry from after+1 to the head is kept: never a part passed off as the whole."""
    if after == room.head:
        return True
    return Entry.objects.filter(room=room, seq__gt=after, seq__lte=room.head).count() == room.head - after


def page(*, user: User, slug: str, before: int, limit: int) -> Page:
    """Read up to `limit` entries before `before`; raise NoSuchRoom or NotAllowed."""
    room = room_for(user, slug)
    newest = Entry.objects.filter(room=room, seq__lt=before).order_by("-seq")
    rows = list(newest.values_list(*FIELDS)[: limit + 1])
    entries = _encode(rows[:limit])  # newest first: those are kept where not all fit into one frame
    entries = entries[: fitting(entries)]
    return Page(entries[::-1], len(rows) > len(entries))


def entries_after(room: int, after: int, limit: int, *, epoch: str, upto: int = limits.LARGEST_SEQ) -> list[bytes]:
    """Read encoded entries after+1, after+2, … of one history without a gap; none where it was replaced."""
    rows = Entry.objects.filter(room=room, room__epoch=epoch, seq__gt=after, seq__lte=upto).order_by("seq")
    found = list(rows.values_list(*FIELDS)[:limit])
    whole = [row for number, row in enumerate(found, after + 1) if row[0] == number]
    return _encode(whole)


def heads(rooms: Collection[int]) -> dict[int, Head]:
    """Read where the logs of these rooms end, in one query."""
    rows = Room.objects.filter(pk__in=rooms).values_list("pk", "epoch", "head")
    return {room: Head(epoch, head) for room, epoch, head in rows}


def renew(room: int, epoch: str, below: int) -> None:
    """Give a room a new epoch, if its history is still `epoch` and ends below `below`."""
    Room.objects.filter(pk=room, epoch=epoch, head__lt=below).update(epoch=new_epoch())


def _encode(rows: Iterable[tuple[Any, ...]]) -> list[bytes]:
    return [
        encode_entry(EntryFrame(seq, kind, key, Author(author, name), text, timestamp(at), target, reply_to))
        for seq, kind, key, author, name, text, at, target, reply_to in rows
    ]
