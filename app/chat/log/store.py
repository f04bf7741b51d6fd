"""Storing: one transaction for a batch of drafts, rooms locked in one order, seqs given without a gap."""

import contextlib
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from django.db import DataError, IntegrityError
from django.utils import timezone

from chat.frames import Author, encode_entry, timestamp
from chat.frames import Entry as EntryFrame
from chat.log.rows import EntryRow, RoomRow, Transaction
from chat.models import Entry, Membership, Room

log = logging.getLogger(__name__)


class Refused(Exception):  # noqa: N818 (an answer, not a fault)
    """A draft that is not stored; `code` is protocol.md's."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail


class NotLetInError(Exception):
    """Somebody was trusted who is banned, inactive or gone."""


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


class Rights(NamedTuple):
    """What the authors of one transaction may do at its time: who is let in at all, and (room, person) of members."""

    let_in: set[int]
    members: set[tuple[int, int]]


Outcome = Stored | Refused


def store(drafts: Sequence[Draft]) -> tuple[list[Outcome], list[Commit]]:
    """Store drafts in one transaction, or one by one where the database finds two that clash, or one it cannot hold."""
    with contextlib.suppress(IntegrityError, DataError):
        try:
            # Hardly anybody is banned, and keys are hardly ever repeated: the last statement and the constraint find it
            # out, and no message pays for a look before.
            outcomes, commits = _store_together(drafts, {}, trusting=True)
        except NotLetInError:
            outcomes, commits = _store_together(drafts, {})
        return _kept_before(drafts, outcomes), commits
    with contextlib.suppress(IntegrityError, DataError):
        return _store_together(drafts, _known(drafts))
    # Another process stores the same keys at this moment, or one draft would spoil the others.
    outcomes, commits = [], []
    for draft in drafts:
        outcome, commit = _store_alone(draft)
        outcomes += outcome
        commits += commit
    return outcomes, commits


def _kept_before(drafts: Sequence[Draft], outcomes: list[Outcome]) -> list[Outcome]:
    """Answer a refused draft with its first seq if it was stored before its author lost the right to."""
    refused = [draft for draft, outcome in zip(drafts, outcomes, strict=True) if isinstance(outcome, Refused)]
    known = _known(refused) if refused else {}
    return [known.get(draft.identity, outcome) for draft, outcome in zip(drafts, outcomes, strict=True)]


def _store_alone(draft: Draft) -> tuple[list[Outcome], list[Commit]]:
    try:
        with contextlib.suppress(IntegrityError):
            return _store_together([draft], _known([draft]))
        return _store_together([draft], _known([draft]))  # stored in between: now it is known
    except DataError as error:
        log.warning("a message of user %d cannot be stored: %s", draft.author, str(error).strip())
        return [Refused("bad_field", "the database cannot hold this")], []


def _store_together(
    drafts: Sequence[Draft], known: dict[tuple[int, int, str], Stored], *, trusting: bool = False
) -> tuple[list[Outcome], list[Commit]]:
    with Transaction() as rows:
        return _write(rows, drafts, known, trusting=trusting)


def _write(
    rows: Transaction, drafts: Sequence[Draft], known: dict[tuple[int, int, str], Stored], *, trusting: bool
) -> tuple[list[Outcome], list[Commit]]:
    rooms = rows.rooms_lock({draft.room for draft in drafts})
    heads = {room.pk: room.head for room in rooms.values()}
    now = timezone.now()  # before rights are read: no entry is of a time at which its author had none
    now = now.replace(microsecond=now.microsecond // 1000 * 1000)  # what is stored is what is told
    rights = _rights(rows, rooms, drafts, trusting=trusting)
    outcomes: list[Outcome] = []
    fresh: dict[int, list[EntryRow]] = {}
    for draft in drafts:
        if (stored := known.get(draft.identity)) is not None:
            outcomes.append(stored)  # before any refusal: what was stored stays stored
        elif (refusal := _refusal(draft, rooms.get(draft.room), heads, rights)) is not None:
            outcomes.append(refusal)
        else:
            seq = heads[draft.room] = heads[draft.room] + 1
            fresh.setdefault(draft.room, []).append(_row(draft, seq, now))
            known[draft.identity] = Stored(seq, now, repeated=True)
            outcomes.append(Stored(seq, now, repeated=False))
    if trusting and any(isinstance(outcome, Refused) for outcome in outcomes):
        raise NotLetInError  # perhaps: who is banned hears that, and no other reason
    if fresh:
        rows.entries_insert([entry for entries in fresh.values() for entry in entries])
        authors = {entry.author for entries in fresh.values() for entry in entries} if trusting else ()
        if not rows.heads_set([(heads[room], room) for room in fresh], authors):
            raise NotLetInError
    return outcomes, [
        Commit(room, rooms[room].epoch, entries[0].seq, [_encoded(entry) for entry in entries])
        for room, entries in fresh.items()
    ]


def _rights(rows: Transaction, rooms: dict[int, RoomRow], drafts: Sequence[Draft], *, trusting: bool) -> Rights:
    """Read who of the authors may be here now, or trust that all may; and who belongs to rooms that are not public."""
    authors = {draft.author for draft in drafts}
    let_in = authors if trusting else rows.people_let_in(authors)
    if refused := authors - let_in:
        log.info("messages of people who are banned or gone are refused: %s", sorted(refused))
    closed = [pk for pk, room in rooms.items() if room.kind != Room.Kind.PUBLIC]
    members = Membership.objects.filter(room__in=closed, user__in=authors).values_list("room", "user") if closed else ()
    return Rights(let_in, set(members))


def _known(drafts: Sequence[Draft]) -> dict[tuple[int, int, str], Stored]:
    """Find the drafts that are stored already: a retry is answered with its first seq (pitfalls K5)."""
    rows = Entry.objects.filter(
        room__in={draft.room for draft in drafts},
        author__in={draft.author for draft in drafts},
        key__in={draft.key for draft in drafts},
    ).values_list("room", "author", "key", "seq", "at")
    return {(room, author, key): Stored(seq, at, repeated=True) for room, author, key, seq, at in rows}


def _refusal(draft: Draft, room: RoomRow | None, heads: dict[int, int], rights: Rights) -> Refused | None:
    """Say why this person may not store this here; asked at each write, not only at joining (pitfalls P6)."""
    if draft.author not in rights.let_in:
        return Refused("not_allowed", "you may not write any more")
    if room is None:
        return Refused("no_such_room", "the room is gone")
    is_public = room.kind == Room.Kind.PUBLIC
    allowed = (room.guests or not draft.guest) if is_public else (room.pk, draft.author) in rights.members
    if not allowed:
        return Refused("not_allowed", "this room is not yours to write in")
    if draft.reply_to is not None and draft.reply_to > heads[room.pk]:
        return Refused("not_found", "reply_to: no such entry")
    return None


def _row(draft: Draft, seq: int, at: datetime) -> EntryRow:
    return EntryRow(
        room=draft.room,
        seq=seq,
        kind=draft.kind,
        author=draft.author,
        author_name=draft.author_name,
        guest=draft.guest,
        key=draft.key,
        target=draft.target,
        reply_to=draft.reply_to,
        text=draft.text,
        at=at,
    )


def _encoded(row: EntryRow) -> bytes:
    return encode_entry(
        EntryFrame(
            seq=row.seq,
            kind=row.kind,
            key=row.key,
            author=Author(row.author, row.author_name, row.guest),
            text=row.text,
            at=timestamp(row.at),
            target=row.target,
            reply_to=row.reply_to,
        )
    )
