"""What the code before a migration can live with: what it does not use may come, what it uses may not go."""

import re
from typing import Any

import pytest
from django.contrib.postgres.operations import AddIndexConcurrently, TrigramExtension
from django.db import connection, migrations, models
from django.db.migrations import Migration
from django.db.migrations.operations.base import Operation
from django.db.migrations.state import ModelState, ProjectState

from parley_serving.contracting import MISSING, REMOVED, RENAMED, UNKNOWN, Judge
from parley_serving.narrowing import type_narrowed

Add, Alter = migrations.AddField, migrations.AlterField
NEW_TABLE = migrations.CreateModel("Page", [("id", models.BigAutoField(primary_key=True))])


def nothing(apps: Any, editor: Any) -> None:
    """Some code."""


class Stranger(Operation):
    """An operation of somebody else's library."""

    def state_forwards(self, app_label: str, state: Any) -> None: ...

    def describe(self) -> str:
        return "Stranger"


def shop() -> ProjectState:
    """A schema with fields of each kind."""
    state = ProjectState()
    number = models.BigAutoField(primary_key=True)
    state.add_model(ModelState("shop", "Owner", [("id", number)]))
    state.add_model(ModelState("shop", "Other", [("id", models.BigAutoField(primary_key=True))]))
    state.add_model(ModelState("shop", "Seen", [("id", models.BigAutoField(primary_key=True))], {"managed": False}))
    fields: list[tuple[str, Any]] = [
        ("id", models.BigAutoField(primary_key=True)),
        ("text", models.CharField(max_length=40, null=True)),
        ("long", models.TextField(db_column="words")),
        ("count", models.IntegerField()),
        ("rate", models.IntegerField(db_default=3)),
        ("price", models.DecimalField(max_digits=6, decimal_places=2)),
        ("owner", models.ForeignKey("shop.Owner", models.CASCADE)),
        ("owners", models.ManyToManyField("shop.Owner", related_name="+")),
    ]
    state.add_model(ModelState("shop", "Line", fields, {"db_table": "lines"}))
    return state


def judged(*given: Operation) -> list[tuple[str, str]]:
    """Judge the operations of one migration."""
    migration = type("Next", (Migration,), {"operations": list(given)})("0002_next", "shop")  # as its file has it
    return [why for _, why in Judge(connection).breaking(migration, shop())]


@pytest.mark.parametrize(
    "operation",
    [
        NEW_TABLE,
        Add("line", "more", models.TextField(null=True)),
        Add("line", "more", models.TextField(db_default="")),
        Add("line", "more", models.ManyToManyField("shop.Owner", related_name="+")),
        Add("line", "more", models.TextField(null=True, unique=True)),
        Add("seen", "more", models.TextField()),
        Alter("line", "text", models.CharField(max_length=80, null=True)),
        Alter("line", "text", models.CharField(max_length=40, null=True, choices=[("a", "A")], verbose_name="b")),
        Alter("line", "text", models.TextField(null=True)),
        Alter("line", "count", models.BigIntegerField()),
        Alter("line", "count", models.IntegerField(null=True, default=1)),
        Alter("line", "rate", models.IntegerField(db_default=4)),
        Alter("line", "price", models.DecimalField(max_digits=9, decimal_places=3)),
        Alter("line", "owner", models.ForeignKey("shop.Owner", models.PROTECT, related_name="lines")),
        migrations.RenameField("line", "long", "words"),
        migrations.RenameIndex("line", "b", "a"),
        migrations.AddIndex("line", models.Index(fields=["text"], name="i")),
        AddIndexConcurrently("line", models.Index(fields=["text"], name="i")),
        TrigramExtension(),
        migrations.AlterModelOptions("line", {"ordering": ["text"]}),
        migrations.AlterModelTable("line", "lines"),
        migrations.AlterUniqueTogether("line", set()),
        migrations.DeleteModel("Seen"),
        migrations.RunPython(migrations.RunPython.noop),
        migrations.RunSQL(migrations.RunSQL.noop),
        migrations.SeparateDatabaseAndState(state_operations=[migrations.RemoveField("line", "text")]),
        migrations.SeparateDatabaseAndState([Add("line", "more", models.TextField(null=True))]),
    ],
    ids=lambda operation: f"{type(operation).__name__} {getattr(operation, 'name', '')}",
)
def test_what_expands(operation: Operation) -> None:
    """The serving release goes on."""
    if isinstance(operation, migrations.RenameIndex):
        operation.state_forwards = lambda *_: None  # type: ignore[method-assign]  # the state here has no such index
    assert judged(operation) == []


@pytest.mark.parametrize(
    ("operation", "why"),
    [
        (Add("line", "more", models.TextField(default="")), MISSING[0]),
        (Add("line", "more", models.TextField(db_default="", unique=True)), "unique: .* its default twice"),
        (Add("line", "more", models.ForeignKey("shop.Owner", models.CASCADE, related_name="+")), MISSING[0]),
        (Alter("line", "text", models.CharField(max_length=40)), "null is written now"),
        (Alter("line", "text", models.CharField(max_length=20, null=True)), r"varchar\(40\) becomes varchar\(20\)"),
        (Alter("line", "text", models.IntegerField(null=True)), r"varchar\(40\) becomes integer"),
        (Alter("line", "text", models.CharField(max_length=40, null=True, unique=True)), "unique"),
        (Alter("line", "text", models.CharField(max_length=40, null=True, db_collation="nocase")), "compares"),
        (Alter("line", "long", models.TextField()), RENAMED[0]),
        (Alter("line", "long", models.CharField(max_length=9, db_column="words")), r"text becomes varchar\(9\)"),
        (Alter("line", "count", models.PositiveIntegerField()), "becomes|forbids"),
        (Alter("line", "rate", models.IntegerField()), "the database's default"),
        (Alter("line", "owner", models.ForeignKey("shop.Other", models.CASCADE)), "another table"),
        (migrations.RemoveField("line", "text"), REMOVED[0]),
        (migrations.RemoveField("line", "owners"), REMOVED[0]),
        (migrations.RenameField("line", "text", "words"), RENAMED[0]),
        (migrations.RenameModel("Owner", "Keeper"), RENAMED[0]),
        (migrations.RenameModel("Line", "Words"), RENAMED[0]),  # its table stays, and its owners' does not
        (migrations.AlterModelTable("line", "words"), RENAMED[0]),
        (migrations.DeleteModel("Other"), REMOVED[0]),
        (migrations.AddConstraint("line", models.UniqueConstraint(fields=["text"], name="u")), "forbids"),
        (migrations.AlterUniqueTogether("line", {("text", "count")}), "forbids"),
        (migrations.AlterOrderWithRespectTo("line", "owner"), MISSING[0]),
        (migrations.RunSQL("DROP TABLE lines"), UNKNOWN[0]),
        (migrations.RunPython(nothing), UNKNOWN[0]),
        (Stranger(), UNKNOWN[0]),
        (migrations.SeparateDatabaseAndState([migrations.RemoveField("line", "text")]), REMOVED[0]),
    ],
    ids=lambda value: f"{type(value).__name__} {getattr(value, 'name', '')}" if isinstance(value, Operation) else "",
)
def test_what_contracts(operation: Operation, why: str) -> None:
    """The serving release would fail, and its line says how."""
    [(said, way)] = judged(operation)
    assert re.search(why, said)
    assert way


def test_what_these_migrations_made_themselves_is_nobody_s_yet() -> None:
    """A table or column that no release knows may be changed, renamed and dropped before one does."""
    column = Add("line", "more", models.CharField(max_length=40, null=True))
    shorter = Alter("line", "more", models.CharField(max_length=20, null=True))
    unique = migrations.AddConstraint("line", models.UniqueConstraint(fields=["text", "more"], name="u"))
    assert judged(column, shorter, unique, migrations.AlterUniqueTogether("line", {("more", "count")})) == []
    assert judged(column, migrations.RenameField("line", "more", "less"), migrations.RemoveField("line", "less")) == []
    table = [
        NEW_TABLE,
        Add("page", "text", models.TextField()),
        Alter("page", "text", models.CharField(max_length=3)),
        migrations.AddConstraint("page", models.UniqueConstraint(fields=["text"], name="p")),
        migrations.AlterOrderWithRespectTo("page", None),
        migrations.AlterModelTable("page", "pages"),
        migrations.RenameField("page", "text", "words"),
        migrations.RenameModel("Page", "Sheet"),
        migrations.RemoveField("sheet", "words"),
        migrations.DeleteModel("Sheet"),
    ]
    assert judged(*table) == []


def test_code_stays_unknown_in_a_new_table_too() -> None:
    """It may touch any other."""
    assert judged(NEW_TABLE, migrations.RunPython(nothing)) == [UNKNOWN]


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("numeric(6, 2)", "numeric(9, 3)", ""),
        ("numeric(6, 2)", "numeric(6, 3)", "numeric(6, 2) becomes numeric(6, 3)"),
        ("varchar(40)", "varchar(41)", ""),
        ("varchar(40)", "varchar", ""),
        ("varchar", "varchar(40)", "varchar becomes varchar(40)"),
        ("varchar(40)", "text", ""),
        ("text", "varchar(40)", "text becomes varchar(40)"),
        ("smallint", "bigint", ""),
        ("bigint", "integer", "bigint becomes integer"),
        ("integer", "text", "integer becomes text"),
        ("timestamp with time zone", "date", "timestamp with time zone becomes date"),
        ("geometry(POINT,4326)", "geometry(POINT,3857)", "geometry(POINT,4326) becomes geometry(POINT,3857)"),
    ],
)
def test_types_of_postgresql(old: str, new: str, said: str) -> None:
    """Each value of the old one is one of the new one, or it is said."""
    assert type_narrowed({"type": old}, {"type": new}) == said
