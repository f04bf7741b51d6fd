"""The data of a project on Compose: its key, its old rows, uploads through a rollout, and all back from a backup."""

import asyncio
import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from deploy.effects.client.http_client import HttpClient
from tests.deploy.stacks.compose.adopted import adopted
from tests.deploy.stacks.compose.served import Served, rolled
from tests.deploy.stacks.compose.stack import command
from tests.deploy.stacks.compose.test_shelf import BOOK, BOUNDARY, TITLE, told, uploaded

pytestmark = [pytest.mark.docker, pytest.mark.release, pytest.mark.timeout(1200)]  # it makes two releases

KEY = "a-key-of-the-old-server-that-nobody-else-has-ever-seen-1234567"
OLD = """
SECRET_KEY = "x" * 50
INSTALLED_APPS = ["django.contrib.contenttypes", "django.contrib.sessions"]
DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": "db.sqlite3"}}
"""
SESSION = "INSERT INTO django_session VALUES ('old', 'of the old server', '2099-01-01 00:00:00')"
BESIDE = ("edge", "web", "cleanup", "process-celery")


def with_key(project: Path) -> None:
    """Give it a key that nobody can guess, and PostgreSQL."""
    toml = project / "parley.toml"
    assert 'database = "sqlite"' in toml.read_text()
    toml.write_text(toml.read_text().replace('database = "sqlite"', 'database = "postgres"'))
    settings = project / "shelf" / "settings.py"
    settings.write_text(settings.read_text().replace("a-key-for-the-desk-alone", KEY))


def old_rows(folder: Path) -> Path:
    """Make the file of a server that ran until now."""
    folder.mkdir()
    (folder / "old.py").write_text(OLD)
    env = os.environ | {"DJANGO_SETTINGS_MODULE": "old", "PYTHONPATH": str(folder)}
    subprocess.run([sys.executable, "-m", "django", "migrate", "-v", "0"], cwd=folder, env=env, check=True)
    with closing(sqlite3.connect(folder / "db.sqlite3")) as connection, connection:
        connection.execute(SESSION)
    (folder / "db.sqlite3").chmod(0o600)
    return folder / "db.sqlite3"


async def slowly(served: Served, over: asyncio.Event) -> int:
    """Upload a file, a byte a second until it is over; return the status."""
    address = served.compose.address
    host, _, port = address.host.partition(":")
    head = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="book"; filename="slow.txt"\r\n\r\n'.encode()
    rest = BOOK + f"\r\n--{BOUNDARY}--\r\n".encode()
    size = len(head) + 10_000 + len(rest)
    reader, writer = await asyncio.open_connection(host, int(port), ssl=address.tls)
    lines = f"POST /books/ HTTP/1.1\r\nHost: {address.host}\r\nContent-Length: {size}\r\nConnection: close\r\n"
    writer.write(f"{lines}Content-Type: multipart/form-data; boundary={BOUNDARY}\r\n\r\n".encode() + head)
    left = 10_000
    while not over.is_set():
        writer.write(b"x")
        left -= 1
        await writer.drain()
        await asyncio.sleep(1)  # a slow line
    writer.write(b"x" * left + rest)
    status = int((await reader.readline()).split()[1])
    writer.close()
    return status


async def test_its_data(engine: None, tmp_path: Path) -> None:
    """Of the old server and of this one, file by file and key by key."""
    with adopted("shelf", tmp_path, "/", with_key) as served:
        client = HttpClient(served.compose.address)
        said = served.compose.compose("logs", "--no-color", "setup")
        assert "SECRET_KEY of the project's settings is the site's key from now on" in said
        assert KEY not in said
        [web, _] = served.compose.containers("web")
        assert command("docker", "exec", web["Id"], "cat", "/srv/parley/secrets/app/secret_key").strip() == KEY
        old, count = old_rows(tmp_path / "old"), "SELECT count(*) FROM django_session"
        early = served.parley("move", "database", "--from", str(old))
        assert (early.returncode, early.stderr.count("\n")) == (2, 1)
        served.compose.compose("stop", *BESIDE)
        moved = served.parley("move", "database", "--from", str(old))
        assert moved.returncode == 0, moved.stderr
        assert "django_session: 1 rows" in moved.stdout
        assert served.psql(count).strip() == "1"
        served.compose.compose("up", "--detach", "--wait")

        first = await uploaded(served, "first.txt")
        await told(client, "first.txt", "6 words")
        assert (await client.get("/.parley/media/first.txt")).status == 404
        over = asyncio.Event()
        slow = asyncio.create_task(slowly(served, over))
        await rolled(served, "rollout", str(served.release("next", ("books/views.py", *TITLE))))
        over.set()
        assert await slow == 201, "an upload under way goes to the release that serves at its end"
        assert (await client.get("/files/slow.txt")).body.endswith(BOOK)
        assert (await client.get(first)).body == BOOK

        created = served.parley("backup", "create")
        assert created.returncode == 0, created.stderr
        assert ", 2 uploaded files, " in created.stdout
        name = served.parley("backup", "list").stdout.partition(":")[0]
        assert ": whole: " in served.parley("backup", "verify").stdout
        served.psql("DELETE FROM django_session")
        await uploaded(served, "later.txt")
        await told(client, "later.txt", "6 words")
        command("docker", "exec", web_of(served), "rm", "/opt/project/uploads/first.txt")
        ask = "REDISCLI_AUTH=$(cat /srv/parley/secrets/store/password) redis-cli flushall"
        command("docker", "exec", served.compose.containers("store")[0]["Id"], "sh", "-c", ask)
        assert (await client.get("/words/first.txt/")).text == ""
        served.compose.compose("stop", *BESIDE)
        restored = served.parley("backup", "restore", name)
        assert restored.returncode == 0, restored.stderr
        served.compose.compose("up", "--detach", "--wait")
        assert served.psql(count).strip() == "1"
        assert (await client.get(first)).body == BOOK
        assert (await client.get("/words/first.txt/")).text == "6 words"
        assert (await client.get("/files/later.txt")).status == 404
        await uploaded(served, "after.txt")
        await told(client, "after.txt", "6 words")


def web_of(served: Served) -> str:
    """Return the id of a replica."""
    return str(served.compose.containers("web")[0]["Id"])
