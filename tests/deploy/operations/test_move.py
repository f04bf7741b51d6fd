"""The reference chat goes from SQLite to PostgreSQL, and on: `./parley move database`, on a real server."""

import os
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from urllib.parse import quote

import psycopg
import pytest

from deploy.effects.client.http_client import guest
from deploy.effects.client.websocket_client import connect
from tests.checkout import ROOT
from tests.deploy.operations.backup.conftest import Place, place, template
from tests.postgres import USER, named, running_cluster
from tests.running import changed_checkout, running_stack

__all__ = ["place", "template"]

pytestmark = [pytest.mark.stack, pytest.mark.timeout(300)]


@pytest.fixture(scope="module")
def cluster() -> Iterator[Path]:
    """A server with nothing in it."""
    with running_cluster() as folder:
        yield folder


def move(place: Place, *words: str, status: int = 0) -> str:
    """Run the command on the stack of this folder, and give what it printed."""
    done = subprocess.run(
        [sys.executable, "-P", "-m", "deploy", "move", "database", "--dir", str(place.layout.dir), *words],
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == status, done.stdout + done.stderr
    assert not (place.layout.dir / "moving").exists()
    return done.stdout + done.stderr


async def test_the_chat_goes_on_in_postgresql(place: Place, cluster: Path, tmp_path: Path) -> None:
    """Its log is there, and the next message has the next number; what cannot be moved is one line before that."""
    url = f"postgres://{USER}@{quote(str(cluster), safe='')}/postgres"
    place.write(1, 40)
    before = place.layout.database.read_bytes()
    assert "give --to postgres://" in move(place, status=2)
    assert "is not a file" in move(place, "--to", url, "--from", str(tmp_path / "none"), status=2)
    (tmp_path / "text").write_text("no database at all, but a text that is longer than a header is" * 20)
    assert "file is not a database" in move(place, "--to", url, "--from", str(tmp_path / "text"), status=2)
    said = move(place, "--to", url)
    assert "chat_entry: 40 rows" in said
    assert "write the URL to parley.toml" in said
    assert place.layout.database.read_bytes() == before
    again = move(place, "--to", url, status=2)
    assert again.count("\n") == 1
    assert "rows that its migrations did not make" in again
    root = changed_checkout(tmp_path / "checkout", named(cluster))
    with running_stack(place.layout.dir, root=root) as stack:
        address = stack.address
        assert "stop it before a move" in move(place, "--to", url, status=2)
        async with connect(address, await guest(address, "Again")) as socket:
            joined = await socket.join("lobby")
            assert joined["head"] == 40
            assert joined["epoch"] == place.rows()[2], "the same history goes on"
            assert (await socket.send_text("lobby", "the first one here"))["seq"] == 41
    with psycopg.connect(host=str(cluster), user=USER, dbname="postgres") as connection:
        assert connection.execute("SELECT count(*), max(seq) FROM chat_entry").fetchone() == (41, 41)


def test_a_file_that_is_being_written_is_read_whole(place: Place, cluster: Path) -> None:
    """What another process has only in its log comes along, and nothing of the file changes."""
    with psycopg.connect(host=str(cluster), user=USER, dbname="postgres", autocommit=True) as connection:
        connection.execute("CREATE DATABASE logged")
    url = f"postgres://{USER}@{quote(str(cluster), safe='')}/logged"
    with closing(sqlite3.connect(place.layout.database)) as writer:
        assert writer.execute("PRAGMA journal_mode=WAL").fetchone() == ("wal",)
        writer.execute("PRAGMA wal_autocheckpoint=0")
        place.write(1, 7)
        before = place.layout.database.read_bytes()
        assert "chat_entry: 7 rows" in move(place, "--to", url)
        assert place.layout.database.read_bytes() == before
