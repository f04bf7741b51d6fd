"""Migrations only expand: while a release is rolled out, and after a rollback, the one before runs on its schema."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.db import migrations, models
from django.db.migrations import Migration
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.operations.base import Operation
from django.db.migrations.state import ModelState, ProjectState

from deploy.drill.visitor import Visitor, guest
from deploy.drill.wire import connect
from tests.rollout.expanding import contracting, contracts
from tests.running import RunningStack, running_stack


def test_every_migration_expands_only() -> None:
    """A contraction waits for the release after the one that no longer needs what it takes away."""
    assert list(contracting(MigrationLoader(None))) == []


def line(*, field: models.Field | None = None) -> ProjectState:  # type: ignore[type-arg]
    """A schema of one model with one field."""
    state = ProjectState()
    fields = [
        ("id", models.BigAutoField(primary_key=True)),
        ("text", field or models.CharField(max_length=40, null=True)),
    ]
    state.add_model(ModelState("chat", "Line", fields))
    return state


@pytest.mark.parametrize(
    ("operation", "expands"),
    [
        (migrations.AddField("line", "more", models.TextField(null=True)), True),
        (migrations.AddField("line", "more", models.TextField(db_default="")), True),
        (migrations.AddField("line", "more", models.TextField(default="")), False),
        (migrations.AddField("line", "more", models.TextField(null=True, unique=True)), False),
        (migrations.AlterField("line", "text", models.CharField(max_length=80, null=True)), True),
        (migrations.AlterField("line", "text", models.CharField(max_length=40, null=True, choices=[("a", "A")])), True),
        (migrations.AlterField("line", "text", models.CharField(max_length=40)), False),
        (migrations.AlterField("line", "text", models.CharField(max_length=20, null=True)), False),
        (migrations.AlterField("line", "text", models.IntegerField(null=True)), False),
        (migrations.AlterField("line", "text", models.CharField(max_length=40, null=True, unique=True)), False),
        (migrations.CreateModel("Page", [("id", models.BigAutoField(primary_key=True))]), True),
        (migrations.AddIndex("line", models.Index(fields=["text"], name="i")), True),
        (migrations.AddConstraint("line", models.UniqueConstraint(fields=["text"], name="u")), False),
        (migrations.RemoveField("line", "text"), False),
        (migrations.RenameField("line", "text", "words"), False),
        (migrations.RenameModel("Line", "Words"), False),
        (migrations.DeleteModel("Line"), False),
        (migrations.RunSQL("DROP TABLE chat_line"), False),
    ],
    ids=lambda value: value.describe() if isinstance(value, Operation) else str(value),
)
def test_what_expands(operation: Operation, expands: bool) -> None:
    """The rule itself: what the old code neither reads nor writes may come; what it does may not go."""
    assert (contracts(operation, Migration("0002_next", "chat"), line()) is None) is expands


def git(here: Path, *words: str) -> str | None:
    """Ask git; None where it does not know, as in an unpacked archive, or is not there."""
    if shutil.which("git") is None:
        return None
    done = subprocess.run(["git", "-C", str(here), *words], capture_output=True, text=True, check=False)
    return done.stdout.strip() or None if done.returncode == 0 else None


def before_the_last_migration(here: Path, target: Path) -> Path:
    """Unpack the newest commit that had fewer migrations; a checkout without history has only itself."""
    added = git(here, "log", "-1", "--diff-filter=A", "--format=%H", "--", "app/*/migrations/0*.py")
    commit = added and git(here, "rev-parse", "--verify", "--quiet", f"{added}^")
    if not commit:
        return here
    target.mkdir()
    packed = subprocess.run(["git", "-C", str(here), "archive", commit], capture_output=True, check=True)
    subprocess.run(["tar", "-x", "-C", str(target)], input=packed.stdout, check=True)
    return target


@pytest.fixture
def before(tmp_path: Path, here: Path) -> Iterator[RunningStack]:
    """The code of the commit before the newest migration, on a database that has all of today's."""
    directory = tmp_path / "stack"
    directory.mkdir(mode=0o700)
    environment = {"PARLEY_ENV": "test", "PARLEY_DATABASE_URL": f"sqlite:///{directory / 'parley.sqlite3'}"}
    subprocess.run(
        [sys.executable, "-P", "manage.py", "migrate", "--verbosity", "0"],
        cwd=here / "app",
        env=os.environ | environment | {"PYTHONPATH": str(here / "app")},
        check=True,
    )
    with running_stack(directory, root=before_the_last_migration(here, tmp_path / "before")) as stack:
        yield stack


@pytest.mark.stack
async def test_the_code_before_runs_on_the_schema_of_now(before: RunningStack) -> None:
    """People come as guests and with a password, chat, and resume."""
    ada = await guest(before.address, "Ada")
    somebody = Visitor(before.address)
    form = {"username": "grace", "password1": "correct horse 1", "password2": "correct horse 1"}
    assert (await somebody.post("/accounts/signup/", form)).status == 302
    async with connect(before.address, ada) as one, connect(before.address, somebody.cookie) as two:
        joined = await one.join("lobby")
        await two.join("lobby")
        sent = await one.send_text("lobby", "from the release before")
        assert (await two.entry("lobby", sent["seq"]))["text"] == "from the release before"
        await two.send_text("lobby", "and on")
    async with connect(before.address, ada) as again:
        resumed = await again.join("lobby", after=sent["seq"], epoch=joined["epoch"])
        assert resumed["recovered"] is True
        assert [entry["text"] for entry in resumed["entries"]] == ["and on"]
