"""The four statements of a commit, as SQL: each message pays for them, and the ORM's share was two thirds of it."""

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from typing import NamedTuple

from django.db import connection

from chat.models import Entry, Room

ROOMS = Room._meta.db_table  # noqa: SLF001 (Django's documented name for it)
ENTRIES = Entry._meta.db_table  # noqa: SLF001
COLUMNS = ("room_id", "seq", "kind", "author_id", "author_name", "key", "target", "reply_to", "text", "at")


class RoomRow(NamedTuple):
    """What a commit has to know of a room."""

    pk: int
    kind: str
    guests: bool
    head: int
    epoch: str


class EntryRow(NamedTuple):
    """One entry in the order of COLUMNS."""

    room: int
    seq: int
    kind: str
    author: int
    author_name: str
    key: str
    target: int | None
    reply_to: int | None
    text: str
    at: datetime


def rooms_lock(rooms: Collection[int]) -> dict[int, RoomRow]:
    """Lock these rooms' rows until the transaction ends, in id order: no two processes wait for each other."""
    marks = ",".join(["%s"] * len(rooms))
    lock = " FOR UPDATE" if connection.features.has_select_for_update else ""  # SQLite: BEGIN IMMEDIATE locked all
    sql = f"SELECT id, kind, guests, head, epoch FROM {ROOMS} WHERE id IN ({marks}) ORDER BY id{lock}"  # noqa: S608
    with connection.cursor() as cursor:
        cursor.execute(sql, sorted(rooms))
        return {row[0]: RoomRow(*row) for row in cursor.fetchall()}


def entries_insert(entries: Sequence[EntryRow]) -> None:
    """Insert entries in one statement; raise IntegrityError for a seq or a key that is taken."""
    one = "(" + ",".join(["%s"] * len(COLUMNS)) + ")"
    # `key` and `at` are no words of SQL to SQLite and PostgreSQL, but to others: quoted.
    names = ",".join(f'"{name}"' for name in COLUMNS)
    sql = f"INSERT INTO {ENTRIES} ({names}) VALUES {','.join([one] * len(entries))}"  # noqa: S608 (names are ours)
    adapt = connection.ops.adapt_datetimefield_value
    values = [value for entry in entries for value in (*entry[:-1], adapt(entry.at))]
    with connection.cursor() as cursor:
        cursor.execute(sql, values)


def heads_set(heads: Iterable[tuple[int, int]]) -> None:
    """Store the new heads of rooms, given as (head, room)."""
    with connection.cursor() as cursor:
        cursor.executemany(f"UPDATE {ROOMS} SET head = %s WHERE id = %s", list(heads))  # noqa: S608 (names are ours)
