"""Which operations of a migration a release before it cannot live with: it serves while the new one is rolled out."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.migrations import Migration, operations
from django.db.migrations.operations.base import Operation
from django.db.migrations.state import ProjectState

from parley_serving.narrowing import narrowed

REMOVED = ("the release that serves still uses it", "roll out code without it first, and this in the release after it")
RENAMED = (
    "the release that serves asks for the old name",
    "add the new one beside it, write both, and remove the old one in a later release",
)
MISSING = (
    "the release that serves leaves this column out, and the database has no default for it",
    "make it null=True or give it a db_default, and take that away in a later release",
)
TIGHTER = "roll out code that keeps to it first, and this in the release after it"
UNKNOWN = (
    "nobody can tell whether the release that serves can live with what it does",
    "roll out what only adds first, and this when no old code is left",
)

HARMLESS = (
    operations.AlterModelOptions,
    operations.AlterModelManagers,
    operations.AlterModelTableComment,
    operations.AddIndex,
    operations.RemoveIndex,
    operations.RenameIndex,
    operations.AlterIndexTogether,
    operations.RemoveConstraint,
)
# By name: their module imports psycopg, and an older Django has not all of them.
HARMLESS_NAMES = {"CreateExtension", "CreateCollation", "ValidateConstraint", "AlterConstraint"}

Why = tuple[str, str] | None  # what is wrong, and the way in two steps


@dataclass
class Judge:
    """Goes through pending migrations in their order; remembers what no release before them knows."""

    connection: BaseDatabaseWrapper
    tables: set[tuple[str, str]] = field(default_factory=set)  # models that these migrations made
    columns: set[tuple[str, str, str]] = field(default_factory=set)  # and fields

    def breaking(self, migration: Migration, state: ProjectState) -> Iterator[tuple[Operation, tuple[str, str]]]:
        """Yield each operation that breaks what serves, with its reasons; `state` is brought past the migration."""
        for operation in migration.operations:
            before = state.clone()
            operation.state_forwards(migration.app_label, state)
            if why := self.judge(operation, migration.app_label, before, state):
                yield operation, why

    def judge(self, operation: Operation, app: str, before: ProjectState, after: ProjectState) -> Why:
        """Say why the code before cannot live with it; None where it can."""
        if isinstance(operation, operations.SeparateDatabaseAndState):
            return self._separate(operation, app, before)
        if isinstance(operation, operations.RunPython):
            return None if operation.code == operations.RunPython.noop else UNKNOWN
        if isinstance(operation, operations.RunSQL):
            return None if operation.sql in (operations.RunSQL.noop, []) else UNKNOWN
        if isinstance(operation, HARMLESS) or {one.__name__ for one in type(operation).__mro__} & HARMLESS_NAMES:
            return None
        for kind, judge in JUDGES.items():
            if isinstance(operation, kind):
                return judge(self, _Step(operation, app, before, after))
        return UNKNOWN

    def _separate(self, operation: operations.SeparateDatabaseAndState, app: str, before: ProjectState) -> Why:
        """Judge what is done to the database alone; what Django is told about it breaks nobody."""
        now = before.clone()
        for one in operation.database_operations:
            then = now.clone()
            one.state_forwards(app, then)
            if why := self.judge(one, app, now, then):
                return why
            now = then
        return None

    def created(self, step: "_Step") -> Why:
        """Nobody before knows a new table."""
        self.tables.add((step.app, step.operation.name_lower))
        return None

    def deleted(self, step: "_Step") -> Why:
        """A table that these migrations made may go again."""
        key = (step.app, step.operation.name_lower)
        return None if key in self.tables or not self._has_table(step, key[1]) else REMOVED

    def model_renamed(self, step: "_Step") -> Why:
        """A table that keeps its name may have another model."""
        old, new = step.operation.old_name_lower, step.operation.new_name_lower
        if (step.app, old) in self.tables:
            self.tables.add((step.app, new))
            return None
        was, now = _meta(step.old(old)), _meta(step.new(new))
        return None if was.db_table == now.db_table and not was.local_many_to_many else RENAMED

    def table_renamed(self, step: "_Step") -> Why:
        """The same of a table that is given a name."""
        name = step.operation.name_lower
        same = _meta(step.old(name)).db_table == _meta(step.new(name)).db_table
        return None if same or (step.app, name) in self.tables else RENAMED

    def added(self, step: "_Step") -> Why:
        """The code before inserts rows without the column."""
        name, model = step.operation.name, step.operation.model_name_lower
        if self._is_ours(step, model):
            return None
        self.columns.add((step.app, model, name.lower()))
        new = _meta(step.new(model)).get_field(name)
        if new.many_to_many or getattr(new, "generated", False) or new.column is None:
            return None
        default = getattr(new, "db_default", models.NOT_PROVIDED) is not models.NOT_PROVIDED
        if default and new.unique:
            return "unique: the release that serves writes its default twice", TIGHTER
        return None if new.null or default else MISSING

    def removed(self, step: "_Step") -> Why:
        """A column that these migrations added may go again."""
        model = step.operation.model_name_lower
        ours = self._is_ours(step, model) or (step.app, model, step.operation.name.lower()) in self.columns
        return None if ours else REMOVED

    def field_renamed(self, step: "_Step") -> Why:
        """A column that keeps its name may have another field."""
        model, (old, new) = step.operation.model_name_lower, (step.operation.old_name, step.operation.new_name)
        if self._is_ours(step, model) or (step.app, model, old.lower()) in self.columns:
            self.columns.add((step.app, model, new.lower()))
            return None
        was, now = _meta(step.old(model)).get_field(old), _meta(step.new(model)).get_field(new)
        return None if was.column == now.column and not was.many_to_many else RENAMED

    def altered(self, step: "_Step") -> Why:
        """The code before writes and reads what the old field allowed."""
        model, name = step.operation.model_name_lower, step.operation.name
        if self._is_ours(step, model) or (step.app, model, name.lower()) in self.columns:
            return None
        old, new = _meta(step.old(model)).get_field(name), _meta(step.new(model)).get_field(name)
        if old.column != new.column:
            return RENAMED
        reason = narrowed(old, new, self.connection)
        return (reason, TIGHTER) if reason else None

    def constrained(self, step: "_Step") -> Why:
        """The code before may write what the constraint forbids, unless it has a column that it leaves empty."""
        model = step.operation.model_name_lower
        if self._is_ours(step, model):
            return None
        named = getattr(step.operation.constraint, "fields", ())
        return None if self._is_left_empty(step, model, named) else ("it forbids what is written now", TIGHTER)

    def together(self, step: "_Step") -> Why:
        """The same of what is to be unique together."""
        model = step.operation.name_lower
        before = {tuple(one) for one in step.before.models[step.app, model].options.get("unique_together") or ()}
        fresh = {tuple(one) for one in step.operation.unique_together or ()} - before
        if self._is_ours(step, model) or all(self._is_left_empty(step, model, one) for one in fresh):
            return None
        return "it forbids what is written now", TIGHTER

    def ordered(self, step: "_Step") -> Why:
        """Django adds a column, which the database has no default for."""
        return None if self._is_ours(step, step.operation.name_lower) else MISSING

    def _is_left_empty(self, step: "_Step", model: str, names: Any) -> bool:
        fresh = [name for name in names if (step.app, model, name.lower()) in self.columns]
        return any(_meta(step.new(model)).get_field(name).null for name in fresh)

    def _is_ours(self, step: "_Step", model: str) -> bool:
        return (step.app, model) in self.tables or not self._has_table(step, model)

    def _has_table(self, step: "_Step", model: str) -> bool:
        return bool(step.operation.allow_migrate_model(self.connection.alias, step.old(model)))


@dataclass(frozen=True)
class _Step:
    operation: Any
    app: str
    before: ProjectState
    after: ProjectState

    def old(self, model: str) -> Any:
        return self.before.apps.get_model(self.app, model)

    def new(self, model: str) -> Any:
        return self.after.apps.get_model(self.app, model)


def _meta(model: Any) -> Any:
    return model._meta  # noqa: SLF001 (Django documents it)


JUDGES: dict[type[Operation], Callable[[Judge, _Step], Why]] = {
    operations.CreateModel: Judge.created,
    operations.DeleteModel: Judge.deleted,
    operations.RenameModel: Judge.model_renamed,
    operations.AlterModelTable: Judge.table_renamed,
    operations.AddField: Judge.added,
    operations.RemoveField: Judge.removed,
    operations.RenameField: Judge.field_renamed,
    operations.AlterField: Judge.altered,
    operations.AddConstraint: Judge.constrained,
    operations.AlterUniqueTogether: Judge.together,
    operations.AlterOrderWithRespectTo: Judge.ordered,
}
