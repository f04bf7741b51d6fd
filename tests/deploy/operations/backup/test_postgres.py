"""Backups of PostgreSQL, on a real server, with the server's own programs."""

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import psycopg
import pytest

from deploy.errors import StackError
from deploy.model.config import ROOT, load
from deploy.operations.backup import backup as backups
from deploy.operations.backup.postgres import PostgresEngine
from deploy.operations.backup.source import LocalSource
from deploy.operations.backup.store import BackupStore
from deploy.stacks.local.layout import Layout
from deploy.stacks.stack import Postgres
from tests.postgres import USER, running_cluster

ENTRY = (
    "INSERT INTO chat_entry (room_id, seq, kind, author_id, author_name, key, text, at)"
    " SELECT id, %s, 'text', 1, 'Ada', %s, %s, now() FROM chat_room"
)
TEXT = "a tab\t, a backslash \\. and\nCOPY public.chat_entry (id) FROM stdin;\n\\.\n"  # as a dump would write itself
OBJECTS = """
CREATE TYPE colour AS ENUM ('red', 'blue');
CREATE DOMAIN small AS int CHECK (VALUE < 100);
CREATE SEQUENCE counted;
CREATE TABLE painted (id int GENERATED ALWAYS AS IDENTITY, colour colour, number small) PARTITION BY LIST (colour);
CREATE TABLE painted_first PARTITION OF painted FOR VALUES IN ('red');
CREATE TABLE painted_other PARTITION OF painted DEFAULT;
CREATE VIEW reds_too AS SELECT * FROM painted;
CREATE MATERIALIZED VIEW seen AS SELECT * FROM painted;
CREATE FUNCTION one_more(colour) RETURNS int LANGUAGE sql AS 'SELECT 1';
CREATE FUNCTION count_up() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN NEW.number := NEW.number + 1; RETURN NEW; END';
CREATE TRIGGER up BEFORE INSERT ON painted FOR EACH ROW EXECUTE FUNCTION count_up();
"""


@dataclass
class Served:
    """A migrated database on a server, and its backups."""

    connection: psycopg.Connection
    source: LocalSource
    store: BackupStore

    def write(self, first: int, last: int) -> None:
        """Append entries, each with its head, in one commit."""
        for seq in range(first, last + 1):
            with self.connection.transaction():
                self.connection.execute(ENTRY, [seq, f"key-{seq}", TEXT])
                self.connection.execute("UPDATE chat_room SET head = %s", [seq])

    def rows(self) -> list[object]:
        """Give the log, and the room without its epoch."""
        log = self.connection.execute("SELECT seq, author_name, key, text, at FROM chat_entry ORDER BY seq").fetchall()
        return [log, self.connection.execute("SELECT slug, title, kind, guests, head FROM chat_room").fetchall()]

    def epoch(self) -> str:
        """Give the one room's epoch."""
        found = self.connection.execute("SELECT epoch FROM chat_room").fetchone()
        assert found
        return str(found[0])


@pytest.fixture(scope="module")
def cluster() -> Iterator[Path]:
    """A server."""
    with running_cluster() as folder:
        yield folder


@pytest.fixture
def served(cluster: Path, tmp_path: Path) -> Iterator[Served]:
    """A database of its own, so that each test may drop what it likes."""
    name = f"parley_{tmp_path.name}"[:60].lower()
    with psycopg.connect(host=str(cluster), user=USER, dbname="postgres", autocommit=True) as control:
        control.execute(f"CREATE DATABASE {name}")  # a name of ours
    url = f"postgres://{USER}:not-asked-for@{quote(str(cluster), safe='')}/{name}"
    layout = Layout(tmp_path / "stack")
    layout.make()
    environment = os.environ | {"PARLEY_ENV": "test", "PARLEY_DATABASE_URL": url, "PYTHONPATH": str(ROOT / "app")}
    for command in (["migrate", "--verbosity", "0"], ["bootstrap"]):
        subprocess.run([sys.executable, "-P", "manage.py", *command], cwd=ROOT / "app", env=environment, check=True)
    source = LocalSource(load({"database": {"url": url}}), layout)
    with psycopg.connect(host=str(cluster), user=USER, dbname=name, autocommit=True) as connection:
        yield Served(connection, source, BackupStore(tmp_path / "backups"))


def test_there_and_back(served: Served) -> None:
    """Create, wipe, restore: every row is as it was, the epoch is another, and the database can be written to."""
    served.write(1, 20)
    before, epoch = served.rows(), served.epoch()
    folder = backups.create(served.source, served.store)
    served.write(21, 25)
    served.connection.execute("DROP TABLE chat_entry CASCADE")
    served.connection.execute("CREATE TABLE of_a_newer_release (id integer)")
    said = backups.restore(served.source, folder)
    assert served.rows() == before
    assert served.epoch() != epoch
    assert said.rows["chat_entry"] == 20
    tables = "SELECT count(*) FROM pg_tables WHERE schemaname = 'public' AND tablename = 'of_a_newer_release'"
    assert served.connection.execute(tables).fetchone() == (0,)
    served.write(21, 22)  # the sequences stand where they should


def test_what_is_no_table_comes_back_too(served: Served) -> None:
    """Types, views, functions and triggers, as RunSQL makes them: those of the backup, and no newer ones."""
    served.connection.execute(OBJECTS)
    served.connection.execute("INSERT INTO painted VALUES (DEFAULT, 'red', 1)")
    folder = backups.create(served.source, served.store)
    served.connection.execute(
        "ALTER TYPE colour ADD VALUE 'green'; CREATE VIEW newer AS SELECT 1; CREATE TYPE new AS (a int)"
    )
    backups.restore(served.source, folder)
    served.connection.execute("INSERT INTO painted VALUES (DEFAULT, 'blue', 1)")
    found = served.connection.execute("SELECT id, colour, number FROM reds_too ORDER BY id").fetchall()
    assert found == [(1, "red", 2), (2, "blue", 2)]
    left = served.connection.execute("SELECT to_regclass('newer'), to_regtype('new')").fetchone()
    assert left == (None, None)


def test_one_moment_of_a_database_that_is_written_to(served: Served) -> None:
    """While another connection appends, a dump's head and its entries are of the same commit."""
    served.write(1, 1)
    stop = threading.Event()

    def chat() -> None:
        seq = 1
        while not stop.is_set():
            seq += 1
            served.write(seq, seq)

    writer = threading.Thread(target=chat)
    writer.start()
    try:
        folders = [backups.create(served.source, served.store) for _ in range(3)]
    finally:
        stop.set()
        writer.join()
    heads = []
    for folder in folders:
        said = backups.restore(served.source, folder)
        found = served.connection.execute(
            "SELECT (SELECT head FROM chat_room), max(seq), count(*) FROM chat_entry"
        ).fetchone()
        assert found is not None
        assert found[0] == found[1] == found[2] == said.rows["chat_entry"]
        heads.append(found[0])
    assert heads == sorted(set(heads)), "people wrote on between the backups"


def test_a_torn_dump_changes_nothing(served: Served, tmp_path: Path) -> None:
    """It is read back when it is made; and if it is torn all the same, the one transaction is rolled back."""
    served.write(1, 3000)
    folder = backups.create(served.source, served.store)
    before, epoch = served.rows(), served.epoch()
    torn = tmp_path / "torn.dump"
    content = (folder / "database.dump").read_bytes()
    torn.write_bytes(content[: len(content) * 2 // 3])
    engine = PostgresEngine(Postgres.at(served.source.config.database.url))
    with pytest.raises(StackError, match="pg_restore ended with 1"):
        engine.read_back(torn)
    with pytest.raises(StackError, match=r"(psql|pg_restore) ended with"):  # whoever ends first
        engine.restore(torn)
    assert (served.rows(), served.epoch()) == (before, epoch)
    (folder / "database.dump").write_bytes(torn.read_bytes())
    with pytest.raises(StackError, match="SHA-256"):
        backups.restore(served.source, folder)
    assert (served.rows(), served.epoch()) == (before, epoch)


def test_half_a_script_is_not_committed(served: Served, tmp_path: Path) -> None:
    """Where pg_restore fails after a statement that is whole, the server has no reason of its own to roll back."""
    served.write(1, 5)
    folder = backups.create(served.source, served.store)
    before = served.rows()
    half = tmp_path / "half"
    half.write_text('#!/bin/sh\n[ "$1" = pg_restore ] || exec "$@"\necho "CREATE TABLE half (id integer);"\nexit 1\n')
    half.chmod(0o755)
    database = Postgres.at(served.source.config.database.url)
    engine = PostgresEngine(Postgres(database.dbname, prefix=(str(half),)))
    with pytest.raises(StackError, match="half ended with 1"):
        engine.restore(folder / "database.dump")
    assert served.rows() == before


def test_a_server_that_is_not_there(served: Served, tmp_path: Path) -> None:
    """pg_dump's own line says which, and nothing is left of the backup."""
    served.source.database = Postgres.at(f"postgres://parley@{quote(str(tmp_path), safe='')}/parley")
    with pytest.raises(StackError, match=r"(?s)pg_dump ended with 1.*No such file or directory"):
        backups.create(served.source, served.store)
    assert served.store.names() == []


@pytest.mark.parametrize(
    ("url", "plain", "password", "secrets"),
    [
        ("postgres://ada:s%40crt@db:5432/c?sslmode=require", "postgres://ada@db:5432/c?sslmode=require", "s@crt", {}),
        ("postgres://db/chat", "postgres://db/chat", None, {}),
        ("postgres://ada@db/chat?password=s%40crt", "postgres://ada@db/chat", "s@crt", {}),
        ("postgres://ada@db/c?a=1&p%61ssword=s%40crt&b=%26", "postgres://ada@db/c?a=1&b=%26", "s@crt", {}),
        ("postgres://ada:first@db/chat?password=second", "postgres://ada@db/chat", "first", {}),
        ("postgres://db/c?sslkey=/k&sslpassword=s%3Dcrt", "postgres://db/c?sslkey=/k", None, {"sslpassword": "s=crt"}),
    ],
)
def test_no_secret_is_an_argument(url: str, plain: str, password: str | None, secrets: dict[str, str]) -> None:
    """Everybody on the machine reads arguments; the environment is the process's own."""
    found = Postgres.at(url)
    assert found.dbname == plain
    assert dict(found.env) == ({"PGPASSWORD": password} if password else {})
    assert found.secrets == secrets
    assert "crt" not in repr(found)


def test_what_the_programs_are_started_with(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever looks with `ps` sees no password, and libpq finds each: in a variable, or in a file that goes again."""
    for name in ("pg_dump", "psql", "pg_restore"):
        program = tmp_path / name
        program.write_text(
            f"""#!/bin/sh
tr '\\0' ' ' </proc/$$/cmdline >{tmp_path}/{name}.words
echo "$PGPASSWORD" "$PGSERVICE" >{tmp_path}/{name}.variables
[ -z "$PGSERVICEFILE" ] || {{ cat "$PGSERVICEFILE"; stat -c %a "$PGSERVICEFILE"; }} >{tmp_path}/{name}.file
cat >/dev/null
"""
        )
        program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)
    engine = PostgresEngine(Postgres.at("postgres://ada@db/chat?password=s3cret&sslpassword=k3y&sslmode=require"))
    engine.dump(tmp_path / "dump")
    engine.restore(tmp_path / "dump")
    for name in ("pg_dump", "psql"):
        assert "-d postgres://ada@db/chat?sslmode=require" in (tmp_path / f"{name}.words").read_text()
        assert (tmp_path / f"{name}.variables").read_text() == "s3cret parley\n"
        assert (tmp_path / f"{name}.file").read_text() == "[parley]\nsslpassword=k3y\n600\n"
    for words in tmp_path.glob("*.words"):
        assert "s3cret" not in words.read_text()
        assert "k3y" not in words.read_text()
    assert not list(tmp_path.glob("parley-*"))


def test_libpq_reads_that_file(cluster: Path) -> None:
    """A real client takes what has no variable from it: here a password, which the server does not ask for."""
    at = Postgres.at(f"postgres://{USER}@{quote(str(cluster), safe='')}/postgres?sslpassword=k3y")
    with PostgresEngine(at)._environment() as env:
        done = subprocess.run(
            ["psql", "-XAtq", "-d", at.dbname, "-c", "SELECT 1"], env=env, capture_output=True, text=True, check=False
        )
    assert (done.returncode, done.stdout, done.stderr) == (0, "1\n", "")
