"""An SQLite file's rows in PostgreSQL, by a project of all kinds of fields, on a real server."""

import json
import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import quote

import psycopg
import pytest

from tests.checkout import ROOT
from tests.postgres import USER, running_cluster

SETTINGS = """
import os
SECRET_KEY = "x" * 50
INSTALLED_APPS = ["django.contrib.contenttypes", "django.contrib.auth", "django.contrib.sessions", "goods"]
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
USE_TZ, TIME_ZONE = True, "Europe/Madrid"
server = {"ENGINE": "django.db.backends.postgresql", "HOST": os.environ["SOCKETS"], "USER": "parley"}
file = {"ENGINE": "django.db.backends.sqlite3", "NAME": os.environ["NAME"]}
import atexit
print("the settings say this")
atexit.register(print, "and this at the end")
DATABASES = {"default": {**server, "NAME": os.environ["NAME"]} if os.environ["SOCKETS"] else file}
"""
MODELS = """
import uuid
from django.db import models

class Tag(models.Model):
    name = models.CharField(max_length=10, unique=True)

class Book(Tag):
    pages = models.PositiveSmallIntegerField(default=1)

class Loud(Tag):
    class Meta:
        proxy = True

class Shelf(models.Model):
    parent = models.ForeignKey("self", models.CASCADE, null=True)
    best = models.OneToOneField("Thing", models.CASCADE, null=True, related_name="+")

class Thing(models.Model):
    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    shelf = models.ForeignKey(Shelf, models.CASCADE)
    tags = models.ManyToManyField(Tag)
    data = models.JSONField(null=True)
    at = models.DateTimeField(null=True)
    changed = models.DateTimeField(auto_now=True)
    day = models.DateField(null=True)
    clock = models.TimeField(null=True)
    took = models.DurationField(null=True)
    price = models.DecimalField(max_digits=10, decimal_places=2, null=True)
    share = models.FloatField(null=True)
    good = models.BooleanField(null=True)
    blob = models.BinaryField(null=True)
    note = models.TextField(default="")
    number = models.IntegerField(null=True)
    address = models.GenericIPAddressField(null=True)
    file = models.FileField(null=True)

    class Meta:
        db_table = "Odd Things"

class ProfessionalCertificationRequirement(models.Model):
    required_prerequisite_certifications = models.ManyToManyField(Tag)

class CertificationRequirementOfAProfessionWithAVeryLongNameHereO(models.Model):
    tags = models.ManyToManyField(Tag)
    named = models.ManyToManyField(Tag, related_name="+", db_table="named_by_the_project")

class Old(models.Model):
    text = models.TextField()

    class Meta:
        managed = False
        db_table = "old"
"""
FIRST = """
from django.db import migrations

class Migration(migrations.Migration):
    dependencies = [("goods", "0001_initial")]
    operations = [migrations.RunPython(lambda apps, _: apps.get_model("goods", "Tag").objects.create(name="first"))]
"""
FILL = """
import datetime as dt, decimal, django, uuid
django.setup()
from django.contrib.auth.models import Group, Permission, User
from django.contrib.contenttypes.models import ContentType
from django.db import connection
from django.db.models import JSONField, Value
from goods.models import Book, Shelf, Tag, Thing
from goods.models import CertificationRequirementOfAProfessionWithAVeryLongNameHereO as Longest
from goods.models import ProfessionalCertificationRequirement as Long
ContentType.objects.create(id=77, app_label="gone", model="gone")
Tag.objects.filter(name="first").update(name="renamed")
book = Book.objects.create(id=40, name="bo\u00f6k", pages=9)
low = Shelf.objects.create(id=7)
high = Shelf.objects.create(id=5, parent=low)
low.parent = high
thing = Thing.objects.create(
    id=uuid.UUID(int=5), shelf=low, data={"a": [1, None, "\u00fc"], "n": 0.30000000000000004},
    at=dt.datetime(2026, 3, 29, 1, 30, tzinfo=dt.timezone.utc), day=dt.date(2026, 2, 28),
    clock=dt.time(23, 59, 59, 999999), took=dt.timedelta(days=-1, microseconds=3),
    price=decimal.Decimal("12345678.90"), share=0.1, good=True,
    blob=bytes(range(256)), note="'; -- \\\\ %s\\n\U0001f600", number=-2**31, address="::1", file="a/\u00e4 b.txt")
low.best = thing
low.save()
thing.tags.set([1, 40])
Long.objects.create().required_prerequisite_certifications.set([40])
Longest.objects.create().tags.set([40])
Longest.objects.get().named.set([1])
Thing.objects.update(changed=dt.datetime(2001, 1, 1, tzinfo=dt.timezone.utc))
Thing.objects.create(id=uuid.UUID(int=6), shelf=high, data=Value(None, JSONField()))
Shelf.objects.create(id=70).delete()
user = User.objects.create_user("ada", password="secret")
user.user_permissions.add(Permission.objects.get(codename="add_thing"))
Thing.objects.bulk_create(Thing(shelf=high, number=n, note="n" * (n % 90)) for n in range(1200))
with connection.cursor() as cursor:
    cursor.execute("CREATE TABLE old (id integer primary key, text text)")
    cursor.execute("INSERT INTO old VALUES (1, 'kept there')")
    cursor.execute("CREATE TABLE of_nobody (id integer)")
"""
BEGIN = (
    "import os, sys; from parley_serving.moving.__main__ import main; out = os.fdopen(os.dup(1), 'w'); os.dup2(2, 1)"
)
EACH = f"{BEGIN}; [main([one], out) for one in sys.argv[1:]]"
LARGE = """
import sys, tracemalloc
from pathlib import Path
import django
django.setup()
from django.db import connections
from parley_serving.moving import rows, source, tables
file = source.opened(Path(sys.argv[1]))
[table] = [one for one in tables.found(file, connections["default"]).tables if one.name == "Odd Things"]
read = rows.Columns(table, file, connections["default"]).rows()
tracemalloc.start()
print(max(len(next(read)[0][table.fields.index(table.model._meta.get_field("blob"))] or b"") for _ in range(12)))
print(tracemalloc.get_traced_memory()[1])
"""
READ = """
import django, json, uuid
django.setup()
from django.contrib.auth import authenticate
from goods.models import Book, Shelf, Tag, Thing
from goods.models import CertificationRequirementOfAProfessionWithAVeryLongNameHereO as Longest
from goods.models import ProfessionalCertificationRequirement as Long
thing = Thing.objects.get(id=uuid.UUID(int=5))
found = {one.name: getattr(thing, one.attname) for one in Thing._meta.concrete_fields}
found = {name: repr(bytes(value) if isinstance(value, memoryview) else value) for name, value in found.items()}
nulls = [Thing.objects.filter(data=None).count(), Thing.objects.filter(data__isnull=True).count()]
made = [Tag.objects.create(name="new").id, Shelf.objects.create().id]
print(json.dumps([
    found, sorted(thing.tags.values_list("id", flat=True)), Book.objects.get().name, nulls,
    Shelf.objects.get(id=7).parent_id,
    [list(one.values_list("id", flat=True)) for one in (
        Long.objects.get().required_prerequisite_certifications, Longest.objects.get().tags,
        Longest.objects.get().named)],
    authenticate(username="ada", password="secret").has_perm("goods.add_thing"), made]))
"""


@dataclass
class Goods:
    """The project, its file, and its database on a server."""

    folder: Path
    file: Path
    sockets: Path
    name: str

    def python(self, *words: str, name: str | Path, sockets: str | Path = "") -> subprocess.CompletedProcess[str]:
        """Run Python in the project, with its database in a file or on the server."""
        url = f"postgres://{USER}@{quote(str(sockets), safe='')}/{name}" if sockets else f"sqlite:///{name}"
        env = {
            "PYTHONPATH": f"{self.folder}:{ROOT / 'app'}",
            "PYTHONDONTWRITEBYTECODE": "1",
            "DJANGO_SETTINGS_MODULE": "settings",
            "NAME": str(name),
            "SOCKETS": str(sockets),
            "PARLEY_ENV": "test",
            "PARLEY_DATABASE_URL": url,
            "PATH": os.environ["PATH"],
        }
        return subprocess.run(
            [sys.executable, *words], cwd=self.folder, env=env, capture_output=True, text=True, check=False
        )

    def move(self) -> dict[str, Any]:
        """Move the file's rows, and return what is said at the end."""
        done = self.python("-m", "parley_serving.moving", str(self.file), name=self.name, sockets=self.sockets)
        assert done.returncode == 0, done.stderr
        said: dict[str, Any] = json.loads(done.stdout)
        return said

    def sql(self, statement: str, *values: object) -> None:
        """Change the file as nothing of Django would."""
        with closing(sqlite3.connect(self.file)) as connection, connection:
            connection.execute("PRAGMA ignore_check_constraints=1")
            connection.execute(statement, values)

    def server(self, statement: str) -> list[Any]:
        """Ask the server."""
        with psycopg.connect(host=str(self.sockets), user=USER, dbname=self.name, autocommit=True) as connection:
            cursor = connection.execute(statement)
            return cursor.fetchall() if cursor.description else []


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Goods]:
    """The project with a file full of rows, and a server with a migrated database to copy."""
    folder = tmp_path_factory.mktemp("goods")
    (folder / "settings.py").write_text(SETTINGS)
    (folder / "goods" / "migrations").mkdir(parents=True)
    for name in ("__init__.py", "migrations/__init__.py"):
        (folder / "goods" / name).touch()
    (folder / "goods" / "models.py").write_text(MODELS)
    with running_cluster() as sockets:
        goods = Goods(folder, folder / "full.sqlite3", sockets, "postgres")
        make = goods.python("-m", "django", "makemigrations", "goods", name=goods.file)
        assert make.returncode == 0, make.stderr
        (folder / "goods" / "migrations" / "0002_first.py").write_text(FIRST)
        for name, where in ((str(goods.file), ""), ("template1", str(sockets))):
            done = goods.python("-m", "django", "migrate", name=name, sockets=where)
            assert done.returncode == 0, done.stderr
        fill = goods.python("-c", FILL, name=goods.file)
        assert fill.returncode == 0, fill.stderr
        yield goods


@pytest.fixture
def goods(template: Goods, tmp_path: Path) -> Iterator[Goods]:
    """One that a test may break: a copy of the file, and a migrated database."""
    name = "".join(one for one in tmp_path.name.lower() if one.isalnum())[-50:]
    file = Path(shutil.copy(template.file, tmp_path / "db.sqlite3"))
    template.server(f"CREATE DATABASE {name}")
    yield Goods(template.folder, file, template.sockets, name)
    template.server(f"DROP DATABASE {name} WITH (FORCE)")


def test_all_rows_are_the_same_afterwards(goods: Goods) -> None:
    """Of every kind of field, by cyclic references, in tables with parents; and the next ids are free."""
    before = goods.file.read_bytes()
    said = goods.move()
    assert "problem" not in said, said
    assert goods.file.read_bytes() == before
    moved = said["moved"]
    assert (moved["Odd Things"], moved["goods_tag"], moved["goods_book"], moved["goods_shelf"]) == (1202, 2, 1, 2)
    assert moved["Odd Things_tags"] == 2
    assert said["left"] == ["old: left: its model is not managed", "of_nobody: left: no model has this table"]
    there = goods.python("-c", READ, name=goods.file)
    here = goods.python("-c", READ, name=goods.name, sockets=goods.sockets)
    assert there.returncode == here.returncode == 0, there.stderr + here.stderr
    read, was = (json.loads(one.stdout.splitlines()[1]) for one in (here, there))  # between what the settings print
    assert read == was
    fields, tags, *_, long, _, made = read
    assert long == [[40], [40], [1]], "of tables whose names are longer than PostgreSQL has them"
    assert (tags, made) == ([1, 40], [41, 71])
    assert fields["changed"].startswith("datetime.datetime(2001, 1, 1"), "auto_now is not for what was written before"
    assert goods.server("SELECT count(*) FROM \"Odd Things\" WHERE data = 'null'") == [(1,)]
    assert goods.server("SELECT count(*) FROM django_content_type WHERE id = 77") == [(1,)]


def test_a_database_without_tables_is_migrated_first(goods: Goods) -> None:
    """And what somebody wrote to one that has them is not replaced."""
    goods.server("DROP SCHEMA public CASCADE")
    goods.server("CREATE SCHEMA public")
    assert goods.move()["moved"]["goods_tag"] == 2
    again = goods.move()["problem"]
    assert again.startswith("the PostgreSQL has rows that its migrations did not make, in ")
    assert "goods_tag (2)" in again, "one of them is a migration's"


BAD = {
    "UPDATE \"Odd Things\" SET note = 'a' || char(0) WHERE number = 3": (
        ".note, id=",
        "a NUL character (\\x00), which no text of PostgreSQL holds",
    ),
    "UPDATE \"Odd Things\" SET note = CAST(x'ff41' AS TEXT) WHERE number = 3": (".note, id=", "not UTF-8"),
    "UPDATE \"Odd Things\" SET note = x'4141' WHERE number = 3": (".note, id=", "bytes in a column of another type"),
    "UPDATE goods_tag SET name = 'elevenchars' WHERE id = 40": (
        "goods_tag.name, id=40: ",
        "value too long for type character varying(10)",
    ),
    'UPDATE "Odd Things" SET number = 3000000000 WHERE number = 3': (".number, id=", "out of range"),
    "UPDATE \"Odd Things\" SET number = 'three' WHERE number = 3": (".number, id=", "three"),
    'UPDATE "Odd Things" SET number = 3.5 WHERE number = 3': (".number, id=", "3.5 is no whole number"),
    "UPDATE \"Odd Things\" SET good = 'yes' WHERE number = 3": (".good, id=", "'yes' is neither true nor false"),
    "UPDATE \"Odd Things\" SET day = 'Monday' WHERE number = 3": (".day, id=", "'Monday'"),
    "UPDATE \"Odd Things\" SET at = '2026-13-01 10:00:00' WHERE number = 3": (".at, id=", "month must be in 1..12"),
    'UPDATE "Odd Things" SET data = \'{"a": "\\u0000"}\' WHERE number = 3': (".data, id=", "Unicode escape"),
    "UPDATE \"Odd Things\" SET id = 'xyz' WHERE number = 3": (".id, id='xyz'", "badly formed"),
    "UPDATE \"Odd Things\" SET blob = 'text' WHERE number = 3": (".blob, id=", "'text' is no bytes"),
    'UPDATE "Odd Things" SET price = 1234567890123.5 WHERE number = 3': (".price, id=", "1234567890123.5 does not fit"),
    "UPDATE goods_shelf SET parent_id = 99 WHERE id = 5": ("goods_shelf", "'5'"),
    "ALTER TABLE goods_shelf ADD COLUMN newer integer": ("goods_shelf.newer", "columns that this code does not know"),
    "DELETE FROM django_migrations WHERE app = 'goods'": ("goods.0001_initial", "migrate it first"),
    "DROP TABLE django_migrations": ("no data of a Django project", "django_migrations"),
}


def test_what_postgresql_refuses_is_one_line(goods: Goods, tmp_path: Path) -> None:
    """With its table, column and key; and nothing was changed."""
    files = [Path(shutil.copy(goods.file, tmp_path / f"{number}.sqlite3")) for number in range(len(BAD))]
    for change, file in zip(BAD, files, strict=True):
        replace(goods, file=file).sql(change)
    done = goods.python("-c", EACH, *map(str, files), name=goods.name, sockets=goods.sockets)
    assert done.returncode == 0, done.stderr
    for (change, words), line in zip(BAD.items(), done.stdout.splitlines(), strict=True):
        problem = json.loads(line)["problem"]
        assert [word for word in words if word not in problem] == [], f"{change}: {problem}"
        assert "\n" not in problem
    counts = goods.server("SELECT (SELECT count(*) FROM goods_shelf), (SELECT count(*) FROM goods_tag)")
    assert counts == [(0, 1)]


def test_another_database_in_the_settings_is_not_written_to(goods: Goods) -> None:
    """Where the project's own settings stand over the URL that was asked for."""
    line = "os.environ.update(PARLEY_DATABASE_URL='postgres://parley@db.example.com/other')"
    move = "from parley_serving.moving.__main__ import main; sys.exit(main(sys.argv[1:], out))"
    words = f"{BEGIN}; {line}; {move}"
    done = goods.python("-c", words, str(goods.file), name=goods.name, sockets=goods.sockets)
    assert "name another database" in json.loads(done.stdout)["problem"]
    assert goods.server("SELECT count(*) FROM goods_shelf") == [(0,)]


def test_rows_are_read_one_by_one(goods: Goods) -> None:
    """Memory has few of them: each may be a file of somebody's."""
    goods.sql('UPDATE "Odd Things" SET blob = zeroblob(500000) WHERE number BETWEEN 0 AND 99')
    done = goods.python("-c", LARGE, str(goods.file), name=goods.name, sockets=goods.sockets)
    assert done.returncode == 0, done.stderr
    largest, more = [int(line) for line in done.stdout.splitlines() if line.isdigit()]
    assert largest == 500_000
    assert more < 10_000_000, "all of them are 50 MB"


@pytest.mark.parametrize("when", ["BEFORE INSERT ON", "AFTER INSERT ON"])
def test_a_lost_connection_is_one_line_and_no_row_s_fault(goods: Goods, when: str) -> None:
    """While rows are written, and at the end."""
    goods.server(
        "CREATE FUNCTION cut() RETURNS trigger LANGUAGE plpgsql AS"
        " 'BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); RETURN NEW; END'"
    )
    late = when.startswith("AFTER")
    kind, wait = ("CONSTRAINT TRIGGER", "DEFERRABLE INITIALLY DEFERRED") if late else ("TRIGGER", "")
    goods.server(f"CREATE {kind} cut {when} goods_tag {wait} FOR EACH ROW EXECUTE FUNCTION cut()")
    problem = goods.move()["problem"]
    assert problem.startswith("PostgreSQL: the connection was lost: "), problem
    assert "goods_tag" not in problem
    assert goods.server("SELECT count(*) FROM goods_tag") == [(1,)]


def test_migrations_that_do_not_run_on_a_new_file_are_said(goods: Goods, tmp_path: Path) -> None:
    """What they made in PostgreSQL is not known then, and is not taken for somebody's rows."""
    folder = Path(shutil.copytree(goods.folder, tmp_path / "project", ignore=shutil.ignore_patterns("*.sqlite3")))
    first = folder / "goods" / "migrations" / "0002_first.py"
    fails = "lambda apps, _: 1 / 0 if _.connection.vendor == 'sqlite' else"
    first.write_text(first.read_text().replace("lambda apps, _:", fails))
    problem = replace(goods, folder=folder).move()["problem"]
    assert "ZeroDivisionError: division by zero" in problem
    assert goods.server("SELECT count(*) FROM goods_tag") == [(1,)]
