"""The two commands on real migration files: what would run is judged, and what a database refuses is said."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.checkout import ROOT

SETTINGS = """
SECRET_KEY = "x" * 50
INSTALLED_APPS = ["shop"]
DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": "db.sqlite3"}}
"""
MIGRATION = """
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [{after}]
    operations = [{operations}]
"""
TABLE = "migrations.CreateModel('Line', [('id', models.BigAutoField(primary_key=True)), ('text', models.TextField())])"
COLUMN = "migrations.AddField('line', 'more', models.TextField(null=True))"
DROPPED = "migrations.RemoveField('line', 'text')"
CODE = "migrations.RunPython(lambda apps, editor: None)"
WRONG = "migrations.RunSQL('INSERT INTO nowhere VALUES (1)')"


class Shop:
    """A project with one app."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._names: list[str] = []
        (folder / "settings.py").write_text(SETTINGS)
        (folder / "shop" / "migrations").mkdir(parents=True)
        (folder / "shop" / "__init__.py").touch()
        (folder / "shop" / "migrations" / "__init__.py").touch()

    def add(self, name: str, *operations: str, after: str = "") -> None:
        """Write one more migration, after the last one."""
        last = after or (self._names[-1] if self._names else "")
        depends = f"('shop', '{last}')" if last else ""
        text = MIGRATION.format(after=depends, operations=", ".join(operations))
        (self.folder / "shop" / "migrations" / f"{name}.py").write_text(text)
        self._names.append(name)

    def run(self, module: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run a module of ours in the project's folder."""
        return subprocess.run(
            [sys.executable, "-m", f"parley_serving.{module}", "--settings=settings", *arguments],
            cwd=self.folder,
            env={"PYTHONPATH": str(ROOT / "app"), "PYTHONDONTWRITEBYTECODE": "1", "PATH": ""},
            capture_output=True,
            text=True,
            check=False,
        )

    def plan(self) -> Any:
        """Return what the plan says."""
        done = self.run("migrations_plan")
        assert (done.returncode, done.stderr) == (0, "")
        return json.loads(done.stdout)

    def migrate(self) -> None:
        """Bring the database up to date."""
        done = self.run("migrate", "--noinput")
        assert done.returncode == 0, done.stderr


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    """A project whose first migration serves."""
    project = Shop(tmp_path)
    project.add("0001_initial", TABLE)
    return project


def test_an_empty_database_has_served_nobody(shop: Shop) -> None:
    """Whatever the whole history does."""
    shop.add("0002_code", CODE, DROPPED)
    assert shop.plan() == {"pending": ["shop.0001_initial", "shop.0002_code"], "breaking": []}


def test_what_is_pending_is_judged(shop: Shop) -> None:
    """What was applied is not, whatever it did."""
    shop.add("0002_code", CODE)
    shop.migrate()
    assert shop.plan() == {"pending": [], "breaking": []}
    shop.add("0003_more", COLUMN)
    assert shop.plan() == {"pending": ["shop.0003_more"], "breaking": []}
    shop.add("0004_less", DROPPED, CODE)
    found = shop.plan()
    assert found["pending"] == ["shop.0003_more", "shop.0004_less"]
    removed, code = found["breaking"]
    assert (removed["migration"], removed["operation"]) == ("shop.0004_less", "Remove field text from line")
    assert (code["migration"], code["operation"]) == ("shop.0004_less", "Raw Python operation")
    assert all(one["why"] and one["way"] for one in found["breaking"])


def test_a_history_that_nothing_can_go_on_from_is_one_line(shop: Shop) -> None:
    """Two last migrations, or one that stands before an applied one."""
    shop.migrate()
    shop.add("0002_a", COLUMN)
    shop.add("0002_b", COLUMN, after="0001_initial")
    done = shop.run("migrations_plan")
    said = "migrations: two migrations are the last one (shop: 0002_a, 0002_b): makemigrations --merge\n"
    assert (done.returncode, done.stdout, done.stderr) == (1, "", said)


def test_what_a_database_refuses_is_one_line_with_the_migration(shop: Shop) -> None:
    """And what it said."""
    shop.migrate()
    shop.add("0002_more", COLUMN)
    shop.add("0003_wrong", WRONG)
    done = shop.run("migrate", "--noinput", "--verbosity=0")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "\nmigration shop.0003_wrong refused: no such table: nowhere\n"
    assert shop.plan()["pending"] == ["shop.0003_wrong"]


def test_a_connection_that_went_away_is_one_line_too(shop: Shop) -> None:
    """Drivers call that an InterfaceError, which is no DatabaseError."""
    gone = "(_ for _ in ()).throw(__import__('django.db').db.InterfaceError('connection already closed'))"
    shop.add("0002_gone", f"migrations.RunPython(lambda apps, editor: {gone})")
    done = shop.run("migrate", "--noinput", "--verbosity=0")
    assert (done.returncode, done.stderr) == (1, "\nmigration shop.0002_gone refused: connection already closed\n")


def test_what_migrate_itself_refuses_is_one_line(shop: Shop) -> None:
    """An app that is none."""
    done = shop.run("migrate", "--noinput", "nowhere")
    said = "\nmigrate refused: No installed app with label 'nowhere'.\n"
    assert (done.returncode, done.stderr) == (1, said)
