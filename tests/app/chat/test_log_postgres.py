"""The log on PostgreSQL: two processes, many rooms, no deadlock, no gap; a connection that is cut is replaced."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import psycopg
import pytest

from tests.postgres import running_cluster

APP = Path(__file__).resolve().parents[3] / "app"
WRITER = Path(__file__).with_name("writer.py")
ROOMS = 12


@pytest.fixture(scope="session")
def cluster() -> Iterator[Path]:
    """A PostgreSQL of our own on a unix socket in a temporary directory."""
    with running_cluster() as directory:
        yield directory


@pytest.fixture(scope="session")
def url(cluster: Path) -> str:
    """A migrated database."""
    address = f"postgres://parley@{quote(str(cluster), safe='')}/postgres"
    run([sys.executable, "manage.py", "migrate", "-v", "0"], address)
    return address


@pytest.fixture
def server(cluster: Path, url: str) -> Iterator[psycopg.Connection]:
    """A connection to look with."""
    with psycopg.connect(host=str(cluster), user="parley", dbname="postgres", autocommit=True) as connection:
        yield connection


def run(command: list[str], url: str) -> str:
    """Run a process of the app on that database."""
    environment = os.environ | {
        "PARLEY_ENV": "test",
        "PARLEY_DATABASE_URL": url,
        "DJANGO_SETTINGS_MODULE": "config.settings.test",
    }
    done = subprocess.run(command, cwd=APP, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


SETUP = """
import django; django.setup()
from accounts.models import User
from chat.models import Room
author = User.objects.create(username=f"ada-{User.objects.count()}", name="Ada")
rooms = [Room.objects.create(slug=f"r-{author.pk}-{n}", title="R").pk for n in range(%d)]
print(author.pk, *rooms)
"""


def people_and_rooms(url: str) -> list[str]:
    """An author and rooms, fresh."""
    return run([sys.executable, "-c", SETUP % ROOMS], url).split()


def test_two_processes_many_rooms(url: str, server: psycopg.Connection) -> None:
    """Locked in one order, whatever order they write in: no deadlock, each seq once, each key once."""
    author, *rooms = people_and_rooms(url)
    command = [sys.executable, str(WRITER), url, author, *rooms]
    writers = [subprocess.Popen([*command, name], stdout=subprocess.PIPE, text=True) for name in ("a", "b")]
    answers = [json.loads(writer.communicate(timeout=100)[0]) for writer in writers]
    assert [writer.returncode for writer in writers] == [0, 0]
    for room in map(int, rooms):
        stored = dict(server.execute("SELECT key, seq FROM chat_entry WHERE room_id = %s", [room]).fetchall())
        assert sorted(stored.values()) == list(range(1, len(stored) + 1))
        assert server.execute("SELECT head FROM chat_room WHERE id = %s", [room]).fetchone() == (len(stored),)
        told = [{(key, seq) for one, key, seq in answer if one == room} for answer in answers]
        assert told[0] | told[1] == stored.items()
    deadlocks = server.execute("SELECT deadlocks FROM pg_stat_database WHERE datname = 'postgres'").fetchone()
    assert deadlocks == (0,)


CUT = """
import asyncio, sys
import django; django.setup()
from django.db import connection
from chat.log import Draft, Log, Unavailable, thread

thread.TRUSTED_SECONDS = float(sys.argv[3])

async def main(author, room):
    log = Log(lambda _: None)
    def draft(key):
        return Draft(room=room, author=author, author_name="Ada", guest=False, key=key, text="x")
    assert (await log.append(draft("1"))).seq == 1
    def cut():
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity"
                " WHERE pid <> pg_backend_pid() AND backend_type = 'client backend'"
            )
        connection.close()
    await log.heads([room])
    await asyncio.to_thread(cut)
    answers = []
    for _ in range(20):
        try:
            answers.append((await log.append(draft("2"))).seq)
            answers.append((await log.heads([room]))[room].seq)
        except Unavailable:
            answers.append("unavailable")
        if answers[-2:] == [2, 2]:
            break
    await log.close()
    print(*answers)

asyncio.run(main(*map(int, sys.argv[1:3])))
"""


def test_a_connection_that_is_cut_is_replaced(url: str) -> None:
    """Unknown at first, and the same key then stores once (pitfalls B8)."""
    author, room, *_ = people_and_rooms(url)
    answers = run([sys.executable, "-c", CUT, author, room, "3600"], url).split()
    assert "unavailable" in answers
    assert answers[-2:] == ["2", "2"]


def test_a_connection_that_was_cut_while_it_rested_fails_nobody(url: str) -> None:
    """PostgreSQL was started anew, and nobody was there: whoever comes next finds it."""
    author, room, *_ = people_and_rooms(url)
    assert run([sys.executable, "-c", CUT, author, room, "0"], url).split() == ["2", "2"]


POOLED = """
import django; django.setup()
from django.db import connection
from django.conf import settings
import psycopg

connection.ensure_connection()
connection.close()
while (stats := connection.pool.get_stats())["pool_available"] < stats["pool_size"]:
    pass  # it is still growing
host = settings.DATABASES["default"]["HOST"]
with psycopg.connect(host=host, user="parley", dbname="postgres", autocommit=True) as other:
    ended = other.execute(
        "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity"
        " WHERE pid <> pg_backend_pid() AND backend_type = 'client backend'"
    ).fetchall()
assert ended and all(one for one, in ended), ended
with connection.cursor() as cursor:
    cursor.execute("SELECT 1")
"""


def test_a_pooled_connection_that_was_cut_fails_no_request(url: str) -> None:
    """The pool asks before it hands one out."""
    run([sys.executable, "-c", POOLED], url)
