"""The tables that Django knows, and the columns of each: what is moved, and what is left."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.apps import apps
from django.db import models, router
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.utils import strip_quotes, truncate_name

from parley_serving.moving.problem import ProblemError
from parley_serving.moving.source import listed

TARGET = "default"
LONGEST = 63  # bytes of a name in PostgreSQL: Django shortens a longer one for it, and for SQLite it does not


@dataclass(frozen=True)
class Table:
    """One table of a model; those of a model that inherits another's table are the parts that each has itself."""

    model: type[models.Model]
    fields: tuple[Any, ...]  # that have a column, and are no result of others

    @property
    def name(self) -> str:
        """Its name in PostgreSQL, as Django calls it."""
        return str(self.model._meta.db_table)  # noqa: SLF001 (Django documents it)

    def called(self, connection: BaseDatabaseWrapper) -> str:
        """Its name in one database: an SQLite file has all of a long one."""
        return whole_name(self.model) if connection.vendor == "sqlite" else self.name

    @property
    def key(self) -> tuple[Any, ...]:
        """The fields of its primary key."""
        meta: Any = self.model._meta  # noqa: SLF001
        return tuple(getattr(meta, "pk_fields", None) or [meta.pk])  # several, since Django 5.2

    def count(self, connection: BaseDatabaseWrapper) -> int:
        """Count the rows that a database has of it."""
        with connection.cursor() as cursor:
            cursor.execute(f"SELECT count(*) FROM {connection.ops.quote_name(self.called(connection))}")  # noqa: S608
            return int(cursor.fetchone()[0])


@dataclass(frozen=True)
class Found:
    """What there is to move, and a line for each table that is not."""

    tables: tuple[Table, ...]
    left: tuple[str, ...]


def found(source: BaseDatabaseWrapper, target: BaseDatabaseWrapper) -> Found:
    """Look at both databases; raise ProblemError for what would get lost between them."""
    there, here = set(source.introspection.table_names()), set(target.introspection.table_names())
    moved, left, known = [], [], {"django_migrations"}
    for model in apps.get_models(include_auto_created=True):
        meta: Any = model._meta  # noqa: SLF001
        if meta.proxy or meta.swapped:
            continue
        table = Table(model, tuple(_columns(meta)))
        known.add(table.called(source))
        if table.called(source) not in there:
            continue  # a table of another database, or one that no migration makes
        if why := _left(meta, model, here):
            left += [f"{table.name}: left: {why}"] if table.count(source) else []
            continue
        if geometry := [one.column for one in table.fields if hasattr(one, "geom_type")]:
            raise ProblemError(f"{table.name}.{geometry[0]}: a geometry, which is not moved yet")
        _require_columns(source, table)
        moved.append(table)
    left += [f"{name}: left: no model has this table" for name in sorted(there - known)]
    return Found(tuple(moved), tuple(left))


def whole_name(model: type[models.Model]) -> str:
    """The name of a model's table where no database shortens it."""
    meta: Any = model._meta  # noqa: SLF001
    name = f"{meta.app_label}_{meta.model_name}"
    if owner := meta.auto_created:  # of a relation of many to many: it was shortened after its owner's was
        relation = next(one for one in owner._meta.local_many_to_many if one.remote_field.through is model)  # noqa: SLF001
        name = relation.db_table or f"{strip_quotes(whole_name(owner))}_{relation.name}"
        short = f"{strip_quotes(owner._meta.db_table)}_{relation.name}"  # noqa: SLF001
        return name if truncate_name(short, LONGEST) == meta.db_table else str(meta.db_table)
    return name if truncate_name(name, LONGEST) == meta.db_table else str(meta.db_table)


def _columns(meta: Any) -> Iterator[Any]:
    return (one for one in meta.local_concrete_fields if not getattr(one, "generated", False))


def _left(meta: Any, model: type[models.Model], here: set[str]) -> str:
    """Say why a table is not moved."""
    if not meta.managed:
        return "its model is not managed"
    if not router.allow_migrate_model(TARGET, model):
        return "a router of the project keeps it in another database"
    name = meta.db_table.encode()[:LONGEST].decode(errors="ignore")  # one that the project gave is cut by the server
    return "" if name in here else "PostgreSQL has no such table"


def _require_columns(source: BaseDatabaseWrapper, table: Table) -> None:
    """A column that the code does not know any more would get lost."""
    with source.cursor() as cursor:
        columns = [one.name for one in source.introspection.get_table_description(cursor, table.called(source))]
    known = {one.column for one in table.model._meta.local_concrete_fields}  # noqa: SLF001
    if more := [f"{table.name}.{name}" for name in columns if name not in known]:
        raise ProblemError(f"the file has columns that this code does not know: {listed(more)}")
