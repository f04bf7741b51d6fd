"""Storing: one transaction for a batch of drafts, rooms locked in one order, seqs given without a gap."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from django.db import IntegrityError, transaction
from django.utils import timezone

from chat.frames import Author, encode_entry, timestamp
from chat.frames import Entry as EntryFrame
from chat.models import Entry, Membership, Room


class Refused(Exception):  # noqa: N818 (an answer, not a fault)
    """A draft that is not stored; `code` is protocol.md's."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail


@dataclass(frozen=True, slots=True)
class Draft:
    """What somebody wants to store; `key` is theirs, unique per room and author."""

    room: int
    author: int
    author_name: str
    guest: bool
    key: str
    text: str
    kind: str = Entry.Kind.TEXT
    target: int | None = None
    reply_to: int | None = None

    @property
    def identity(self) -> tuple[int, int, str]:
        """What a repetition has in common with the first."""
        return self.room, self.author, self.key


class Stored(NamedTuple):
    """Where a draft is in its room's log, `repeated` if it was there before."""

    seq: int
    at: datetime
    repeated: bool


class Commit(NamedTuple):
    """What one transaction added to one room: encoded entries `first`, first+1, …"""

    room: int
    epoch: str
    first: int
    entries: list[bytes]


Outcome = Stored | Refused


def store(drafts: Sequence[Draft]) -> tuple[list[Outcome], list[Commit]]:
    """Store drafts in one transaction, or one by one where the database finds two that clash."""
    try:
        return _store_together(drafts)
    except IntegrityError:
        if len(drafts) == 1:
            raise
    outcomes: list[Outcome] = []
    commits: list[Commit] = []
    for draft in drafts:
        outcome, commit = _store_together([draft])
        outcomes += outcome
        commits += commit
    return outcomes, commits


@transaction.atomic
def _store_together(drafts: Sequence[Draft]) -> tuple[list[Outcome], list[Commit]]:
    # In id order: two processes with rooms in common cannot wait for each other.
    locked = Room.objects.select_for_update().filter(pk__in={draft.room for draft in drafts}).order_by("pk")
    rooms = {room.pk: room for room in locked}
    members = _members(rooms, drafts)
    known = _known(drafts)
    now = timezone.now()
    now = now.replace(microsecond=now.microsecond // 1000 * 1000)  # what is stored is what is told
    outcomes: list[Outcome] = []
    fresh: dict[int, list[Entry]] = defaultdict(list)
    for draft in drafts:
        refusal = _refusal(draft, rooms.get(draft.room), members)
        if refusal is None and draft.identity not in known:
            room = rooms[draft.room]
            room.head += 1
            fresh[room.pk].append(_entry(draft, room.head, now))
            known[draft.identity] = Stored(room.head, now, repeated=True)
            outcomes.append(Stored(room.head, now, repeated=False))
        else:
            outcomes.append(refusal or known[draft.identity])
    Entry.objects.bulk_create([entry for entries in fresh.values() for entry in entries])
    for pk in fresh:
        Room.objects.filter(pk=pk).update(head=rooms[pk].head)
    return outcomes, [
        Commit(pk, rooms[pk].epoch, entries[0].seq, [_encoded(entry) for entry in entries])
        for pk, entries in fresh.items()
    ]


def _members(rooms: dict[int, Room], drafts: Sequence[Draft]) -> set[tuple[int, int]]:
    """Read who of the authors belongs to those rooms that are not public."""
    closed = [pk for pk, room in rooms.items() if room.kind != Room.Kind.PUBLIC]
    if not closed:
        return set()
    rows = Membership.objects.filter(room__in=closed, user__in={draft.author for draft in drafts})
    return set(rows.values_list("room", "user"))


def _known(drafts: Sequence[Draft]) -> dict[tuple[int, int, str], Stored]:
    """Find the drafts that are stored already: a retry is answered with its first seq (pitfalls K5)."""
    rows = Entry.objects.filter(
        room__in={draft.room for draft in drafts},
        author__in={draft.author for draft in drafts},
        key__in={draft.key for draft in drafts},
    ).values_list("room", "author", "key", "seq", "at")
    return {(room, author, key): Stored(seq, at, repeated=True) for room, author, key, seq, at in rows}


def _refusal(draft: Draft, room: Room | None, members: set[tuple[int, int]]) -> Refused | None:
    """Say why this person may not store this here; asked at each write, not only at joining (pitfalls P6)."""
    if room is None:
        return Refused("no_such_room", "the room is gone")
    is_public = room.kind == Room.Kind.PUBLIC
    allowed = (room.guests or not draft.guest) if is_public else (room.pk, draft.author) in members
    if not allowed:
        return Refused("not_allowed", "this room is not yours to write in")
    if draft.reply_to is not None and draft.reply_to > room.head:
        return Refused("not_found", "reply_to: no such entry")
    return None


def _entry(draft: Draft, seq: int, at: datetime) -> Entry:
    return Entry(
        room_id=draft.room,
        seq=seq,
        kind=draft.kind,
        author_id=draft.author,
        author_name=draft.author_name,
        key=draft.key,
        target=draft.target,
        reply_to=draft.reply_to,
        text=draft.text,
        at=at,
    )


def _encoded(entry: Entry) -> bytes:
    return encode_entry(
        EntryFrame(
            seq=entry.seq,
            kind=entry.kind,
            key=entry.key,
            author=Author(entry.author_id, entry.author_name),
            text=entry.text,
            at=timestamp(entry.at),
            target=entry.target,
            reply_to=entry.reply_to,
        )
    )
