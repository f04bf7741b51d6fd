"""Backups of the SQLite file: what they hold, and what is refused."""

import json
import sqlite3
import threading
from contextlib import closing
from pathlib import Path

import pytest

from deploy.errors import BadInputError, StackError
from deploy.operations.backup import backup as backups
from deploy.operations.backup import manifest
from deploy.operations.backup.sqlite import SqliteEngine
from deploy.stacks.local import lock
from tests.deploy.operations.backup.conftest import ENTRY, Place


def test_there_and_back(place: Place) -> None:
    """Create, wipe, restore: the rows are those of the backup, and the room's epoch is a new one."""
    place.write(1, 5)
    before = place.rows()
    folder = backups.create(place.source, place.store)
    place.write(6, 9, "after the backup")
    place.layout.database.unlink()
    said = backups.restore(place.source, folder)
    log, head, epoch = place.rows()
    assert (log, head) == before[:2]
    assert epoch != before[2]
    assert said.rows["chat_entry"] == 5


def killed_with_a_log(place: Place) -> None:
    """Append 54 entries that are in the write-ahead log alone, as a database that was killed leaves it."""
    with closing(sqlite3.connect(place.layout.database, isolation_level=None)) as killed:
        killed.execute("PRAGMA journal_mode=WAL")
        killed.execute("PRAGMA wal_autocheckpoint=0")
        killed.executemany(ENTRY, [(seq, f"key-{seq}", "not in the backup") for seq in range(6, 60)])
        wal = place.layout.database.with_name("parley.sqlite3-wal")
        kept = (place.layout.database.read_bytes(), wal.read_bytes())
    for path, content in zip((place.layout.database, wal), kept, strict=True):
        path.write_bytes(content)


@pytest.mark.parametrize("old", ["whole", "damaged", "gone"])
def test_the_old_log_is_not_played_into_the_new_file(place: Place, old: str) -> None:
    """The log belongs to the old file alone, also where that is past opening: most restores have a reason."""
    place.write(1, 5)
    folder = backups.create(place.source, place.store)
    killed_with_a_log(place)
    if old == "damaged":
        place.layout.database.write_bytes(b"no database" * 1000)
    elif old == "gone":
        place.layout.database.unlink()
    backups.restore(place.source, folder)
    assert [text for _, text in place.rows()[0]] == ["hello"] * 5
    assert SqliteEngine(place.layout.database).read_back(place.layout.database)["chat_entry"] == 5


def test_a_restore_that_ends_half_way_leaves_the_old_database(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """Until the one step that changes everything, everything that was committed is there, also what the log held."""
    place.write(1, 5)
    folder = backups.create(place.source, place.store)
    killed_with_a_log(place)

    def killed(*_: object) -> Path:
        raise KeyboardInterrupt

    monkeypatch.setattr(Path, "replace", killed)
    with pytest.raises(KeyboardInterrupt):
        backups.restore(place.source, folder)
    assert len(place.rows()[0]) == 59


def test_each_backup_is_one_moment_of_a_database_that_is_written_to(place: Place) -> None:
    """While another connection appends, a copy's head and its entries are of the same commit, and no write waits."""
    place.write(1, 1)
    stop, wrote = threading.Event(), threading.Event()
    written: list[int] = []

    def chat() -> None:
        with closing(sqlite3.connect(place.layout.database, timeout=2, isolation_level=None)) as connection:
            connection.execute("PRAGMA journal_mode=WAL")
            seq = 1
            while not stop.is_set():
                seq += 1
                connection.execute("BEGIN IMMEDIATE")
                connection.execute(ENTRY, (seq, f"key-{seq}", "x" * 500))
                connection.execute("UPDATE chat_room SET head = ?", (seq,))
                connection.execute("COMMIT")
                written.append(seq)
                wrote.set()

    writer = threading.Thread(target=chat)
    folders: list[Path] = []
    writer.start()
    try:
        for _ in range(5):
            folders.append(backups.create(place.source, place.store))
            wrote.clear()
            assert wrote.wait(10), "a backup keeps people from writing"
    finally:
        stop.set()
        writer.join()
    heads = []
    for folder in folders:
        said = backups.verify(place.source, folder)
        with closing(sqlite3.connect(folder / said.file)) as copy:
            head, last, number = copy.execute(
                "SELECT (SELECT head FROM chat_room), max(seq), count(*) FROM chat_entry"
            ).fetchone()
        assert head == last == number == said.rows["chat_entry"]
        heads.append(head)
    assert heads == sorted(set(heads)), "people wrote on between the backups"
    assert written[-1] > heads[-1]


@pytest.mark.parametrize("damage", ["bit", "cut", "gone", "rows", "manifest", "no manifest"])
def test_a_damaged_backup_does_not_verify_and_is_not_restored(place: Place, damage: str) -> None:
    """Whatever is wrong with it is said in one line, and the database stays as it is."""
    place.write(1, 50)
    folder = backups.create(place.source, place.store)
    path = folder / "database.sqlite3"
    content = path.read_bytes()
    said = json.loads((folder / manifest.NAME).read_text())
    if damage == "bit":
        path.write_bytes(content[:5000] + bytes([content[5000] ^ 1]) + content[5001:])
    elif damage == "cut":
        path.write_bytes(content[:-1])
    elif damage == "gone":
        path.unlink()
    elif damage == "rows":
        said["rows"]["chat_entry"] += 1
        (folder / manifest.NAME).write_text(json.dumps(said))
    elif damage == "manifest":
        (folder / manifest.NAME).write_text(json.dumps({**said, "format": 2}))
    else:
        (folder / manifest.NAME).unlink()
    before = place.rows()
    with pytest.raises(StackError) as refused:
        backups.verify(place.source, folder)
    assert "\n" not in str(refused.value)
    with pytest.raises(StackError):
        backups.restore(place.source, folder)
    assert place.rows() == before


def test_damage_that_the_digest_covers_is_found_by_reading(place: Place) -> None:
    """A backup of a database that was damaged already is refused while there is still an older one."""
    place.write(1, 2000, "x" * 200)
    content = bytearray(place.layout.database.read_bytes())
    content[40_000:200_000] = bytes(160_000)
    place.layout.database.write_bytes(content)
    with pytest.raises(StackError):
        backups.create(place.source, place.store)
    assert place.store.names() == []
    assert [path.name for path in place.store.folder.iterdir()] == [".lock"]


def test_a_running_stack_is_not_restored(place: Place) -> None:
    """One line, and nothing was changed."""
    place.write(1, 3)
    folder = backups.create(place.source, place.store)
    before = place.rows()
    with (
        lock.held(place.layout, patience=1),
        pytest.raises(BadInputError, match=r"^a `./parley up` runs in .*: stop it"),
    ):
        backups.restore(place.source, folder)
    assert place.rows() == before


def test_a_stack_does_not_start_while_it_is_restored(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """The restore holds the lock of `up` until every room has its new epoch."""
    place.write(1, 3)
    folder = backups.create(place.source, place.store)
    seen = []
    monkeypatch.setattr(place.source, "settle", lambda: seen.append(lock.is_running(place.layout)))
    backups.restore(place.source, folder)
    assert seen == [True]
    assert not lock.is_running(place.layout)


def test_another_engine_or_no_parley_at_all(place: Place, tmp_path: Path) -> None:
    """A dump of PostgreSQL is not put in SQLite's place, and a stranger's file is no truth to keep."""
    folder = backups.create(place.source, place.store)
    said = json.loads((folder / manifest.NAME).read_text())
    (folder / manifest.NAME).write_text(json.dumps({**said, "engine": "postgresql"}))
    with pytest.raises(BadInputError, match="is a backup of postgresql"):
        backups.restore(place.source, folder)
    place.layout.database.unlink()
    with pytest.raises(StackError, match="unable to open database file"):
        backups.create(place.source, place.store)
    with closing(sqlite3.connect(place.layout.database)) as empty:
        empty.execute("CREATE TABLE strange (id)")
    with pytest.raises(StackError, match="there is no table django_migrations"):
        backups.create(place.source, place.store)
