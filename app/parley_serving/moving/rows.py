"""The rows of one table, as the project's own fields read them, checked for what only SQLite lets pass."""

import datetime as dt
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from django.core.exceptions import ValidationError
from django.db import Error
from django.db.backends.base.base import BaseDatabaseWrapper

from parley_serving.moving.problem import ProblemError
from parley_serving.moving.source import Undecodable
from parley_serving.moving.tables import Table

WHOLE = ("IntegerField", "AutoField")  # how the names of such types end
BINARY = "bytea"  # how PostgreSQL calls a column of bytes
JSON = "jsonb"
EXACT = (dt.date, dt.time, dt.timedelta, Decimal)

Row = tuple[Any, ...]


class Columns:
    """Reads a table's columns from one database, and makes of each value what the other one takes."""

    def __init__(self, table: Table, source: BaseDatabaseWrapper, target: BaseDatabaseWrapper) -> None:
        self._table = table
        self._target = target
        self._source = source
        self._readers = []
        for field in table.fields:
            column = field.get_col(table.name)
            convert = [*source.ops.get_db_converters(column), *column.get_db_converters(source)]
            self._readers.append((field, column, convert, field.db_type(target) or ""))

    def rows(self) -> Iterator[tuple[Row, Row]]:
        """Yield each row as SQLite has it, and as PostgreSQL takes it; raise ProblemError with a value that is none."""
        quote = self._source.ops.quote_name
        names = ", ".join(quote(field.column) for field in self._table.fields)
        try:
            with self._source.cursor() as cursor:
                cursor.execute(f"SELECT {names} FROM {quote(self._table.called(self._source))}")  # noqa: S608 (quoted)
                for raw in cursor:  # one at a time: each may be large
                    yield tuple(raw), tuple(self._given(raw))
        except Error as error:
            raise ProblemError(f"{self._table.name}: {error}") from None

    def where(self, raw: Row, field: Any = None) -> str:
        """Name a row, and a column of it, for people."""
        places = {one.column: number for number, one in enumerate(self._table.fields)}
        key = ", ".join(f"{one.column}={raw[places[one.column]]!r}" for one in self._table.key if one.column in places)
        return f"{self._table.name}{f'.{field.column}' if field else ''}, {key}"

    def _given(self, raw: Row) -> Iterator[Any]:
        for value, (field, column, convert, kind) in zip(raw, self._readers, strict=True):
            if value is None:
                yield None
                continue
            if why := _refused(field, value, kind):
                raise ProblemError(f"{self.where(raw, field)}: {why}")
            if kind == JSON:
                yield value  # its text: a JSON null is no NULL, and a number keeps its digits
                continue
            try:
                read = value
                for one in convert:
                    read = one(read, column, self._source)
                given = field.get_db_prep_save(read, connection=self._target)
            except Exception as error:  # noqa: BLE001 (a field of the project raises what it likes)
                raise ProblemError(f"{self.where(raw, field)}: {_said(value, error)}") from None
            if given is None or (isinstance(read, str) and issubclass(_type(field), EXACT)):
                raise ProblemError(f"{self.where(raw, field)}: {_shown(value)} is no {field.get_internal_type()}")
            yield given


def _refused(field: Any, value: Any, kind: str) -> str:
    """Say what is wrong with a value that SQLite keeps in a column of another type."""
    if isinstance(value, Undecodable):
        return "not UTF-8"
    if isinstance(value, bytes) != (kind == BINARY):
        return "bytes in a column of another type" if isinstance(value, bytes) else f"{_shown(value)} is no bytes"
    if isinstance(value, str) and "\0" in value:
        return "a NUL character (\\x00), which no text of PostgreSQL holds"
    name = field.get_internal_type()
    if isinstance(value, float) and name.endswith(WHOLE) and not value.is_integer():
        return f"{value!r} is no whole number"
    if name == "BooleanField" and value not in (0, 1):
        return f"{_shown(value)} is neither true nor false"
    return ""


def _type(field: Any) -> type:
    kinds: dict[str, type] = {
        "DateField": dt.date,
        "DateTimeField": dt.date,
        "TimeField": dt.time,
        "DurationField": dt.timedelta,
        "DecimalField": Decimal,
    }
    return kinds.get(field.get_internal_type(), object)


def _shown(value: Any) -> str:
    """Show the beginning of a value."""
    shown = repr(value)
    return shown if len(shown) <= 40 else f"{shown[:37]}..."


def _said(value: Any, error: Exception) -> str:
    """Say in one line why a field refused a value."""
    if isinstance(error, ArithmeticError):  # the text of a decimal's is the name of a class
        return f"{_shown(value)} does not fit"
    said = " ".join(" ".join(error.messages if isinstance(error, ValidationError) else [str(error)]).split())
    return said if isinstance(error, ValueError | TypeError | ValidationError) else f"{type(error).__name__}: {said}"
