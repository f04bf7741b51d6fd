"""Reading: joins, pages of history, what a feed missed, and where logs end. All synchronous, in the reader's thread."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from accounts.models import User
from chat import limits
from chat.frames import Author, encode_entry, fitting, timestamp
from chat.frames import Entry as EntryFrame
from chat.log.marks import mark, seq_of
from chat.models import Entry, Room, new_epoch
from chat.selectors import room_for, room_title_for, rooms_for
from realtime.hub import Head

FIELDS = ("seq", "kind", "key", "author", "author_name", "guest", "text", "at", "target", "reply_to")

Row = tuple[Any, ...]  # in the order of FIELDS


@dataclass(frozen=True, slots=True)
class Joined:
    """What a join reads; `entries` end at `position`, which is under `head` where one frame cannot hold them all."""

    room: int
    title: str
    head: Head
    entries: list[bytes]
    position: int
    recovered: bool
    mark: str  # of that position


class Page(NamedTuple):
    """Entries older than asked, ascending, and whether there are older ones still."""

    entries: list[bytes]
    more: bool


class Ahead(Exception):  # noqa: N818 (a fact, not an error: the client saw what this log does not have)
    """Somebody shows that they read this history up to `seq`, and its log ends before: the log was replaced."""

    def __init__(self, room: int, seq: int) -> None:
        super().__init__(room, seq)
        self.room = room
        self.seq = seq


class Asked(NamedTuple):
    """A join that somebody asks for."""

    user: User
    slug: str
    after: int | None
    epoch: str | None
    mark: str | None = None


def joins(asked: Sequence[Asked]) -> dict[Asked, Joined | Exception]:
    """Read rooms for those who enter them; NoSuchRoom and Ahead are answers here. Many want the same.

    Those who come after JOINS_ROWS were read get no answer, and are to be asked for again.
    """
    read: dict[tuple[int, int, int], tuple[list[bytes], bool]] = {}
    rooms = rooms_for([(one.user, one.slug) for one in asked])
    answers: dict[Asked, Joined | Exception] = {}
    for one in asked:
        if sum(len(entries) for entries, _ in read.values()) >= limits.JOINS_ROWS:
            break
        room = rooms[one.user.pk, one.slug]
        answers[one] = room if isinstance(room, Exception) else _join(one, room, read)
    return answers


def _join(asked: Asked, room: Room, read: dict[tuple[int, int, int], tuple[list[bytes], bool]]) -> Joined | Ahead:
    """Read one room for one person, with the entries that were read for others before."""
    after = asked.after if asked.epoch == room.epoch else None
    if after is not None and after > room.head:
        if (seq := seq_of(asked.mark, room.pk, room.epoch)) > room.head:
            return Ahead(room.pk, seq)
        after = None  # a number that anybody may say: it is theirs alone that they start again
    is_whole = False
    if after is not None:
        start, most = after, limits.RESUME_ENTRIES
        entries, is_whole = _from(room, start, most, read)
    if not is_whole:  # never a part passed off as the whole
        start, most = max(0, room.head - limits.JOIN_ENTRIES), limits.JOIN_ENTRIES
        entries, _ = _from(room, start, most, read)
    head, position = Head(room.epoch, room.head), start + len(entries)
    title = room_title_for(asked.user, room)
    return Joined(room.pk, title, head, entries, position, is_whole, mark(room.pk, room.epoch, position))


def _from(
    room: Room, after: int, most: int, read: dict[tuple[int, int, int], tuple[list[bytes], bool]]
) -> tuple[list[bytes], bool]:
    """Read what one `joined` holds of a room from after+1 on, and say whether all of that is kept.

    Nobody looks further: a log loses its beginning, if anything, and where it has a hole the feed finds it.
    """
    wanted = (room.pk, after, most)
    if wanted not in read:
        number = min(most, room.head - after)
        found = _ascending(room.pk, after, number, epoch=room.epoch, upto=room.head, spare=limits.JOINED_BYTES)
        entries = found[: fitting(found, room=limits.JOINED_BYTES)]
        read[wanted] = entries, len(found) == number or len(entries) < len(found)
    return read[wanted]


def page(*, user: User, slug: str, before: int, limit: int) -> Page:
    """Read up to `limit` entries before `before`; raise NoSuchRoom."""
    newest = Entry.objects.filter(room=room_for(user, slug)).order_by("-seq").values_list(*FIELDS)
    found = _read(lambda seq, number: list(newest.filter(seq__lt=seq)[:number]), before, limit + 1)
    entries = found[: fitting(found[:limit])]  # newest first: those are kept where not all fit into one frame
    return Page(entries[::-1], len(found) > len(entries))


def entries_after(room: int, after: int, limit: int, *, epoch: str) -> list[bytes]:
    """Read encoded entries after+1, after+2, … of one history without a gap, as many as go into one frame.

    There are none where the history was replaced, or where after+1 is not kept.
    """
    found = _ascending(room, after, limit, epoch=epoch)
    return found[: fitting(found)]


def _ascending(
    room: int, after: int, limit: int, *, epoch: str, upto: int = limits.LARGEST_SEQ, spare: int = limits.FRAME_SPARE
) -> list[bytes]:
    entries = Entry.objects.filter(room=room, room__epoch=epoch, seq__lte=upto).order_by("seq").values_list(*FIELDS)

    def following(seq: int, number: int) -> list[Row]:
        rows = entries.filter(seq__gt=seq)[:number]
        return [row for expected, row in enumerate(rows, seq + 1) if row[0] == expected]

    return _read(following, after, limit, spare)


def _read(
    following: Callable[[int, int], list[Row]], seq: int, limit: int, spare: int = limits.FRAME_SPARE
) -> list[bytes]:
    """Read up to `limit` entries from a seq on, and stop behind what one frame holds: what is longer is not read."""
    entries: list[bytes] = []
    while len(entries) < limit and fitting(entries, room=spare) == len(entries):
        number = min(limits.CHUNK_ROWS, limit - len(entries))
        rows = following(seq, number)
        entries += _encode(rows)
        if len(rows) < number:
            break
        seq = rows[-1][0]
    return entries


def heads(rooms: Collection[int]) -> dict[int, Head]:
    """Read where the logs of these rooms end, in one query."""
    rows = Room.objects.filter(pk__in=rooms).values_list("pk", "epoch", "head")
    return {room: Head(epoch, head) for room, epoch, head in rows}


def renew(room: int, epoch: str, below: int) -> None:
    """Give a room a new epoch, if its history is still `epoch` and ends below `below`."""
    Room.objects.filter(pk=room, epoch=epoch, head__lt=below).update(epoch=new_epoch())


def _encode(rows: Sequence[Row]) -> list[bytes]:
    guests = _guests({row[3] for row in rows if row[5] is None})
    return [
        encode_entry(
            EntryFrame(
                seq,
                kind,
                key,
                Author(author, name, author in guests if guest is None else guest),
                text,
                timestamp(at),
                target,
                reply_to,
            )
        )
        for seq, kind, key, author, name, guest, text, at, target, reply_to in rows
    ]


def _guests(authors: Collection[int]) -> set[int]:
    """Look up which authors are guests: of entries from before that was stored with them, and of no others."""
    if not authors:
        return set()
    return set(User.objects.filter(pk__in=authors, guest=True).values_list("pk", flat=True))
