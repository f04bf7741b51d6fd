"""All rows into PostgreSQL, in one transaction: they are all there at the end, or nothing was changed."""

from collections.abc import Iterator, Sequence
from typing import Any

from django.core.management.color import no_style
from django.db import Error, connections, transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import AutoField

from parley_serving.moving.problem import ProblemError
from parley_serving.moving.rows import Columns, Row
from parley_serving.moving.source import listed
from parley_serving.moving.tables import TARGET, Table

BATCH_ROWS = 500
BATCH_VALUES = 30_000  # PostgreSQL takes 65535 in a statement
BATCH_BYTES = 4 << 20  # of texts and bytes together; a row of more goes by itself
LOCK_SECONDS = 5  # somebody who keeps a lock writes to the database that is to be replaced

REFUSALS = (Error, ValueError, TypeError)  # of the server, and of who writes a value down for it
Both = tuple[Row, Row]  # a row as SQLite has it, and as PostgreSQL takes it


def copied(source: BaseDatabaseWrapper, tables: Sequence[Table], made: dict[str, int]) -> dict[str, int]:
    """Replace what migrations put there, and count each table in both; raise ProblemError with nothing changed.

    `made` is how many rows migrations put into each table: where there are more, somebody used the database.
    """
    target = connections[TARGET]
    try:
        return _replaced(source, target, tables, made)
    except Error as error:
        _require_connection(target, error)  # at the end it is unknown whether it was in time: the next move says so
        raise ProblemError(f"PostgreSQL: {line(error)}") from None


def _replaced(
    source: BaseDatabaseWrapper, target: BaseDatabaseWrapper, tables: Sequence[Table], made: dict[str, int]
) -> dict[str, int]:
    with transaction.atomic(using=TARGET):
        _begin(target, tables)
        used = [f"{one.name} ({number})" for one in tables if (number := one.count(target)) > made.get(one.name, 0)]
        if used:
            raise ProblemError(
                f"the PostgreSQL has rows that its migrations did not make, in {listed(used)}:"
                " name an empty one, or remove all its rows with `manage flush`"
            )
        names = ", ".join(target.ops.quote_name(one.name) for one in tables)
        _execute(target, f"TRUNCATE {names}")
        for table in tables:
            _copy(source, target, table)
        _execute(target, "SET CONSTRAINTS ALL IMMEDIATE")
        counted = {one.name: one.count(target) for one in tables}
        for table in tables:
            if counted[table.name] != (there := table.count(source)):
                raise ProblemError(f"{table.name}: PostgreSQL has {counted[table.name]} rows, and the file has {there}")
        for line in target.ops.sequence_reset_sql(no_style(), [one.model for one in tables]):
            _execute(target, line)
        for table in tables:
            _go_on(source, target, table)
    return counted


def _go_on(source: BaseDatabaseWrapper, target: BaseDatabaseWrapper, table: Table) -> None:
    """Give no id again that a removed row had: SQLite remembers the highest that there ever was."""
    field = next((one for one in table.fields if isinstance(one, AutoField)), None)
    if field is None:
        return
    with source.cursor() as cursor:  # the table is there since Django made the first with such a key
        cursor.execute("SELECT seq FROM sqlite_sequence WHERE name = %s", [table.called(source)])
        highest = max((int(seq or 0) for (seq,) in cursor.fetchall()), default=0)
    quote, column = target.ops.quote_name, str(field.column)
    with target.cursor() as cursor:
        cursor.execute(
            "SELECT setval(pg_get_serial_sequence(%s, %s), %s) WHERE %s >"  # noqa: S608 (quoted)
            f" (SELECT coalesce(max({quote(column)}), 0) FROM {quote(table.name)})",
            [quote(table.name), column, highest, highest],
        )


def _begin(target: BaseDatabaseWrapper, tables: Sequence[Table]) -> None:
    _execute(target, "SET LOCAL statement_timeout = 0")  # a page's limit is not for this
    _execute(target, f"SET LOCAL lock_timeout = '{LOCK_SECONDS}s'")
    _execute(target, "SET CONSTRAINTS ALL DEFERRED")  # rows refer to each other in circles
    names = ", ".join(target.ops.quote_name(one.name) for one in tables)
    _execute(target, f"LOCK TABLE {names} IN ACCESS EXCLUSIVE MODE")


def _copy(source: BaseDatabaseWrapper, target: BaseDatabaseWrapper, table: Table) -> None:
    columns = Columns(table, source, target)
    quote = target.ops.quote_name
    names = ", ".join(quote(field.column) for field in table.fields)
    row = f"({', '.join(['%s'] * len(table.fields))})"
    insert = f"INSERT INTO {quote(table.name)} ({names}) VALUES "  # noqa: S608 (quoted)
    for batch in _batches(columns.rows(), len(table.fields)):
        values = [value for _, given in batch for value in given]
        try:
            _insert(target, insert + ", ".join([row] * len(batch)), values)
        except REFUSALS as refusal:
            _require_connection(target, refusal)
            for raw, given in batch:  # the one that is refused is named
                try:
                    _insert(target, insert + row, given)
                except REFUSALS as error:
                    _require_connection(target, error)
                    field = _culprit(target, table, given, error)
                    raise ProblemError(f"{columns.where(raw, field)}: {line(error)}") from None


def _batches(rows: Iterator[Both], width: int) -> Iterator[list[Both]]:
    batch: list[Both] = []
    size, most = 0, max(1, min(BATCH_ROWS, BATCH_VALUES // max(1, width)))
    for one in rows:
        more = sum(len(value) for value in one[0] if isinstance(value, str | bytes))
        if batch and (len(batch) >= most or size + more > BATCH_BYTES):
            yield batch
            batch, size = [], 0
        batch.append(one)
        size += more
    if batch:
        yield batch


def _insert(target: BaseDatabaseWrapper, statement: str, values: Sequence[Any]) -> None:
    """Insert, and leave nothing where that fails: the transaction goes on."""
    with transaction.atomic(using=TARGET), target.cursor() as cursor:
        cursor.execute(statement, values)


def _culprit(target: BaseDatabaseWrapper, table: Table, given: Row, error: Exception) -> Any:
    """Find the field that was refused, if the server names its column or its type tells."""
    named = getattr(getattr(error.__cause__, "diag", None), "column_name", None)
    for field, value in zip(table.fields, given, strict=True):
        most = getattr(field, "max_length", None)
        kind = field.rel_db_type(target) if field.primary_key else field.db_type(target)  # a serial is no type
        if field.column == named or (most and isinstance(value, str) and len(value) > most):
            return field
        try:
            _insert(target, f"SELECT CAST(%s AS {kind})", [value])
        except REFUSALS:
            return field
    return None


def _require_connection(target: BaseDatabaseWrapper, error: Exception) -> None:
    """Raise ProblemError where there is no server any more: no row is to blame."""
    if target.connection is None or not target.is_usable():
        raise ProblemError(f"PostgreSQL: the connection was lost: {line(error)}") from None


def _execute(target: BaseDatabaseWrapper, statement: str) -> None:
    try:
        with target.cursor() as cursor:
            cursor.execute(statement)
    except Error as error:
        _require_connection(target, error)
        raise ProblemError(f"PostgreSQL: {line(error)}") from None


def line(error: Exception) -> str:
    """Write what a server said in one line, with its detail."""
    said = (str(error) or type(error).__name__).splitlines()
    kept = [one for one in said if not one.startswith(("LINE ", "CONTEXT")) and one.strip(" ^")]
    return " ".join(" ".join(kept).split())
