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

from tests.checkout import APP
from tests.postgres import running_cluster
from tests.waiting import PATIENCE

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
    done = subprocess.run(
        command, cwd=APP, env=environment, capture_output=True, text=True, timeout=PATIENCE, check=False
    )
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
        rows = server.execute("SELECT key, seq FROM chat_entry WHERE room_id = %s", [room]).fetchall()
        stored: dict[str, int] = dict(rows)
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


BANNED = """
import sys
from threading import Thread
import django; django.setup()
from django.db import connection, transaction
from accounts.models import User
from chat.log import Draft
from chat.log.store import store
from chat.models import Room

author, room = map(int, sys.argv[1:3])
def draft(key, who=author):
    return Draft(room=room, author=who, author_name="Ada", guest=False, key=key, text="x")
other = User.objects.create(username=f"other-{author}").pk
answers = []
def write():
    answers.extend(store([draft("after"), draft("others", other), draft("before")])[0])
    connection.close()
store([draft("before")])
with transaction.atomic():
    list(Room.objects.select_for_update().filter(pk=room))
    writer = Thread(target=write)
    writer.start()
    with connection.cursor() as cursor:
        waits = 0
        while not waits:
            cursor.execute("SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'")
            waits, = cursor.fetchone()
    user = User.objects.get(pk=author)
    user.banned = True
    user.save()
writer.join(30)
print(*(getattr(one, "code", getattr(one, "seq", 0)) for one in answers))
"""


def test_a_ban_is_asked_in_the_transaction_of_the_write(url: str, server: psycopg.Connection) -> None:
    """One that is stored while a message waits for its room refuses it; others of its batch are stored."""
    author, room, *_ = people_and_rooms(url)
    assert run([sys.executable, "-c", BANNED, author, room], url).split() == ["not_allowed", "2", "1"]
    stored = server.execute("SELECT key FROM chat_entry WHERE room_id = %s ORDER BY seq", [room]).fetchall()
    assert stored == [("before",), ("others",)]


READ = """
import asyncio, json, sys
import django; django.setup()
from accounts.models import User
from chat.log import Draft, Log
from chat.log.marks import mark
from chat.models import Entry, Room

async def main(author, room):
    log = Log(lambda _: None)
    def draft(key):
        return Draft(room=room, author=author, author_name="Ada", guest=False, key=key, text="x" * 4000)
    await asyncio.gather(*(log.append(draft(str(number))) for number in range(600)))
    user, place = await User.objects.aget(pk=author), await Room.objects.aget(pk=room)
    async def join(after, epoch, shown=None):
        joined = await log.join(user=user, slug=place.slug, after=after, epoch=epoch, mark=shown)
        seqs = [json.loads(entry)["seq"] for entry in joined.entries]
        assert seqs == list(range(joined.position - len(seqs) + 1, joined.position + 1)), seqs
        return joined.recovered, joined.head.epoch == place.epoch, seqs[0] if seqs else 0
    print(await join(1, place.epoch))
    print(await join(900, place.epoch))
    await Entry.objects.filter(room=room, seq__lte=100).adelete()
    print(await join(99, place.epoch), await join(100, place.epoch))
    page = await log.page(user=user, slug=place.slug, before=10**6, limit=200)
    print(page.more, json.loads(page.entries[-1])["seq"])
    joined = await asyncio.gather(*(join(900, place.epoch, mark(room, place.epoch, 601)) for _ in range(20)))
    print(set(joined))
    await log.close()

asyncio.run(main(*map(int, sys.argv[1:3])))
"""


def test_reading_and_claims(url: str) -> None:
    """Resumes, pages and claims of a lost history, as on SQLite."""
    author, room, *_ = people_and_rooms(url)
    assert run([sys.executable, "-c", READ, author, room], url).splitlines() == [
        "(True, True, 2)",
        "(False, True, 551)",
        "(False, True, 551) (True, True, 101)",
        "True 600",
        "{(False, False, 551)}",
    ]


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
