"""Which operations of a migration the release before it can live with: it goes on while the new one is rolled out."""

from collections.abc import Iterator

from django.db import models
from django.db.migrations import Migration, operations
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.operations.base import Operation
from django.db.migrations.state import ProjectState

OURS = ("accounts", "chat")
FIRST = "0001_initial"
HARMLESS = (
    operations.CreateModel,
    operations.AlterModelOptions,
    operations.AlterModelManagers,
    operations.AddIndex,
    operations.RemoveIndex,
    operations.RemoveConstraint,
)


def contracting(loader: MigrationLoader) -> Iterator[str]:
    """Name every operation, after each app's first migration, that the code before it would fall over."""
    for (app, name), migration in sorted(loader.disk_migrations.items()):
        if app in OURS and name != FIRST:
            before = loader.project_state([(app, name)], at_end=False)
            for operation in migration.operations:
                if reason := contracts(operation, migration, before):
                    yield f"{app}.{name}: {operation.describe()}: {reason}"
                operation.state_forwards(app, before)


def contracts(operation: Operation, migration: Migration, before: ProjectState) -> str | None:
    """Say why the old code cannot live with it; None where it can."""
    if isinstance(operation, HARMLESS):
        return None
    if isinstance(operation, operations.AddField):
        return _added(operation.field)
    if isinstance(operation, operations.AlterField):
        model = before.models[migration.app_label, operation.model_name_lower]
        return _altered(model.fields[operation.name], operation.field)
    return "it is not known to expand only: the old code reads and writes what it takes away or forbids"


def _added(field: models.Field) -> str | None:  # type: ignore[type-arg]
    if field.many_to_many or field.null or field.db_default is not models.NOT_PROVIDED:
        return None if not field.unique else "unique: the old code writes the same value twice"
    return "the old code leaves this column out, and it is neither null nor has a db_default"


def _altered(old: models.Field, new: models.Field) -> str | None:  # type: ignore[type-arg]
    if type(old) is not type(new):
        return f"{type(old).__name__} becomes {type(new).__name__}"
    if old.null and not new.null:
        return "the old code writes null"
    if new.unique and not old.unique:
        return "unique: the old code writes the same value twice"
    if old.max_length is not None and (new.max_length or 0) < old.max_length:
        return f"the old code writes {old.max_length} characters"
    if old.db_column != new.db_column:
        return "the column has another name"
    return None
