"""`parley_serving.migrate` on PostgreSQL: it gives up a lock that somebody keeps, and says what the server said."""

from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from parley_serving.migrate import LOCK_SECONDS
from tests.app.parley_serving.test_migrations_plan import COLUMN, Shop
from tests.postgres import USER, running_cluster

TABLE = "migrations.CreateModel('Line', [('id', models.BigAutoField(primary_key=True)), ('text', models.TextField())])"
NARROWED = "migrations.AlterField('line', 'text', models.IntegerField())"


@pytest.fixture(scope="module")
def cluster() -> Iterator[Path]:
    """A server of our own."""
    with running_cluster() as directory:
        yield directory


@pytest.fixture
def shop(cluster: Path, tmp_path: Path) -> Iterator[tuple[Shop, psycopg.Connection]]:
    """A project whose first migration serves, and somebody else's connection to its database."""
    with psycopg.connect(host=str(cluster), user=USER, dbname="postgres", autocommit=True) as server:
        server.execute("DROP SCHEMA public CASCADE")
        server.execute("CREATE SCHEMA public")
        project = Shop(tmp_path)
        database = {
            "ENGINE": "django.db.backends.postgresql",
            "HOST": str(cluster),
            "USER": USER,
            "NAME": "postgres",
            "OPTIONS": {"pool": True},
        }
        settings = tmp_path / "settings.py"
        settings.write_text(f"{settings.read_text()}\nDATABASES = {{'default': {database!r}}}\n")
        project.add("0001_initial", TABLE)
        project.migrate()
        yield project, server


def test_a_lock_that_somebody_keeps_is_given_up(shop: tuple[Shop, psycopg.Connection]) -> None:
    """The server counts the seconds; whoever waited behind the migration goes on, and it can be repeated."""
    project, server = shop
    project.add("0002_more", COLUMN)
    with server.transaction():
        server.execute("LOCK TABLE shop_line IN ACCESS SHARE MODE")
        done = project.run("migrate", "--noinput", "--verbosity=0")
    assert done.returncode == 1
    assert done.stderr == "\nmigration shop.0002_more refused: canceling statement due to lock timeout\n"
    assert LOCK_SECONDS < 10, "statement_timeout would cut it first, with words that explain less"
    project.migrate()
    assert project.plan()["pending"] == []


def test_what_the_server_refuses_is_its_own_words(shop: tuple[Shop, psycopg.Connection]) -> None:
    """In one line, with the detail; nothing of the migration stays."""
    project, server = shop
    server.execute("INSERT INTO shop_line (text) VALUES ('words')")
    project.add("0002_numbers", NARROWED)
    assert [one["why"] for one in project.plan()["breaking"]] == ["text becomes integer"]
    done = project.run("migrate", "--noinput", "--verbosity=0")
    assert done.returncode == 1
    assert done.stderr == '\nmigration shop.0002_numbers refused: invalid input syntax for type integer: "words"\n'
    assert project.plan()["pending"] == ["shop.0002_numbers"]
