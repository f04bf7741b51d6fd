"""The statements of a commit, on the driver's own connection: each message pays for them.

The ORM's share was two thirds of a commit, and half of what was left was Django's cursors and `atomic`. SQLite's driver
and psycopg both run a statement on the connection itself, and both keep what they prepared.
"""

import contextlib
from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from types import TracebackType
from typing import Any, NamedTuple, Self

from django.db import DEFAULT_DB_ALIAS, Error, connections

from accounts.models import User
from chat.models import Entry, Room

ROOMS = Room._meta.db_table  # noqa: SLF001 (Django's documented name for it)
ENTRIES = Entry._meta.db_table  # noqa: SLF001
PEOPLE = User._meta.db_table  # noqa: SLF001
LET_IN = "is_active AND NOT banned"  # of PEOPLE
COLUMNS = ("room_id", "seq", "kind", "author_id", "author_name", "guest", "key", "target", "reply_to", "text", "at")
# `key` and `at` are no words of SQL to SQLite and PostgreSQL, but to others: quoted.
NAMES = ",".join(f'"{name}"' for name in COLUMNS)


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
    guest: bool
    key: str
    target: int | None
    reply_to: int | None
    text: str
    at: datetime


class Transaction:
    """A transaction on this thread's connection, its own driver's: `with Transaction() as rows:`."""

    def __enter__(self) -> Self:
        """Begin; SQLite takes the write lock now, as it could not later (pitfalls L7)."""
        self._django = connections[DEFAULT_DB_ALIAS]
        self._is_sqlite = self._django.vendor == "sqlite"
        self._mark = "?" if self._is_sqlite else "%s"
        if self._django.connection is None:
            self._django.ensure_connection()
        self._execute = self._django.connection.execute
        self._run("BEGIN IMMEDIATE" if self._is_sqlite else "BEGIN")
        return self

    def __exit__(self, kind: type[BaseException] | None, error: object, traceback: TracebackType | None) -> None:
        """Commit, or undo where anything went wrong."""
        if kind is not None:
            self._undo()
            return
        try:
            self._run("COMMIT")
        except BaseException:
            self._undo()
            raise

    def rooms_lock(self, rooms: Collection[int]) -> dict[int, RoomRow]:
        """Lock these rooms' rows until the transaction ends, in id order: no two processes wait for each other."""
        marks = ",".join([self._mark] * len(rooms))
        lock = "" if self._is_sqlite else " FOR UPDATE"  # SQLite: BEGIN IMMEDIATE locked all
        sql = f"SELECT id, kind, guests, head, epoch FROM {ROOMS} WHERE id IN ({marks}) ORDER BY id{lock}"  # noqa: S608
        return {row[0]: RoomRow(*row) for row in self._run(sql, sorted(rooms))}

    def people_let_in(self, people: Collection[int]) -> set[int]:
        """Return those of these people who are neither banned nor inactive nor gone, as of now."""
        marks = ",".join([self._mark] * len(people))
        sql = f"SELECT id FROM {PEOPLE} WHERE id IN ({marks}) AND {LET_IN}"  # noqa: S608
        return {row[0] for row in self._run(sql, list(people))}

    def entries_insert(self, entries: Sequence[EntryRow]) -> None:
        """Insert entries in one statement; the commit, or this, raises IntegrityError for a seq or a key taken."""
        one = "(" + ",".join([self._mark] * len(COLUMNS)) + ")"
        sql = f"INSERT INTO {ENTRIES} ({NAMES}) VALUES {','.join([one] * len(entries))}"  # noqa: S608 (names are ours)
        adapt = self._django.ops.adapt_datetimefield_value
        self._run(sql, [value for entry in entries for value in (*entry[:-1], adapt(entry.at))])

    def heads_set(self, heads: Iterable[tuple[int, int]], authors: Collection[int] = ()) -> bool:
        """Store the new heads of rooms, given as (head, room), unless one of these authors is not let in any more.

        Return whether they are stored: where they are not, the transaction must be undone.
        """
        sql = f"UPDATE {ROOMS} SET head = {self._mark} WHERE id = {self._mark}"  # noqa: S608
        if authors:
            marks = ",".join([self._mark] * len(authors))
            let_in = f"SELECT count(*) FROM {PEOPLE} WHERE id IN ({marks}) AND {LET_IN}"  # noqa: S608
            sql += f" AND ({let_in}) = {len(authors)}"
        return all(self._run(sql, (*one, *authors)).rowcount for one in heads)

    def _run(self, sql: str, values: Sequence[object] = ()) -> Any:
        """Run one statement; errors are Django's, whatever the driver."""
        with self._django.wrap_database_errors:
            return self._execute(sql, values)

    def _undo(self) -> None:
        with contextlib.suppress(Error):  # the connection may have gone, and the transaction with it
            self._run("ROLLBACK")
