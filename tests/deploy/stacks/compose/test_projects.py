"""Projects on Compose with the parley.toml that `adopt` writes, as it is: served, rolled under people, rolled back."""

import asyncio
import json
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from deploy.effects import files
from deploy.effects.client.http_client import HttpClient
from deploy.model.config import load
from deploy.stacks.compose.project import home
from tests.deploy.stacks.compose.served import (
    Served,
    heard,
    posted,
    refused,
    restored,
    rolled,
    rolled_with_another_limit,
    socket,
)
from tests.deploy.stacks.compose.stack import command, running_compose
from tests.deploy.stacks.local.test_adopted import ticks
from tests.foreign import PROJECTS, digest, parley

pytestmark = [pytest.mark.docker, pytest.mark.release, pytest.mark.timeout(900)]  # each builds two images

REPLICAS = 2
SECONDS = 60  # a bound for what a worker does, on a busy machine
TITLE = ("<title>", "<title>next ")
BOOK = b"to be or not to be"
BOUNDARY = "book"


@contextmanager
def adopted(name: str, folder: Path, page: str, more: Callable[[Path], object] = str) -> Iterator[Served]:
    """Serve a copy of a project, whose folder is the same after; `more` is done to it first."""
    project = folder / name
    shutil.copytree(PROJECTS / name, project, ignore=shutil.ignore_patterns("__pycache__", "*.sqlite3"))
    done = parley("adopt", str(project), "--python", sys.executable, "--dir", str(folder / "state"))
    assert done.returncode == 0, done.stdout + done.stderr
    more(project)
    before = digest(project)
    root = home(load(project=project))
    assert root
    assert not root.exists(), f"{root} is another site's"
    try:
        rendered = parley("render", "compose", "--project", str(project))
        assert rendered.returncode == 0, rendered.stderr
        with running_compose(REPLICAS, root) as running:
            yield Served(running, project, page)
    finally:
        files.remove(root.parent)
    assert digest(project) == before


async def drilled(served: Served) -> None:
    """Under each of these faults no page fails."""
    for fault in ("worker-kill", "nginx-reload", "instance-restart"):
        done = await asyncio.to_thread(served.parley, "drill", "run", fault, "--json")
        assert done.returncode == 0, done.stdout + done.stderr
        verdict = json.loads(done.stdout)
        assert (verdict["outcome"], verdict["counts"]) == ("passed", {}), fault
        assert set(verdict["statuses"]) == {"200"}


async def there_and_back(served: Served, changed: str) -> None:
    """Roll a release out whose page has another title, with another limit in nginx, and back."""
    first, client = served.releases, HttpClient(served.compose.address)
    await rolled_with_another_limit(served, served.release("next", (changed, *TITLE)))
    assert "<title>next" in (await client.get(served.page)).text
    assert not set(first) & set(served.releases)
    await rolled(served, "rollback")
    assert "<title>next" not in (await client.get(served.page)).text
    assert served.releases == first


def is_well(served: Served) -> None:
    """Have the doctor find nothing broken."""
    doctor = served.parley("doctor", "--wait", "30")
    assert doctor.returncode == 0, doctor.stdout


async def test_tokens(engine: None, tmp_path: Path) -> None:
    """Old packages and production settings; sockets that know who comes by their token, under two prefixes."""
    with adopted("token", tmp_path, "/rooms/lobby/") as served:
        client = HttpClient(served.compose.address)
        assert (await client.get(served.page)).status == 200
        token = (await posted(served, "/api/token/", b'{"name": "a"}')).json()["token"]
        room, notices = (f"{path}?token={token}" for path in ("/rooms/lobby/live/", "/socket/notices/"))
        here, there = served.instances
        async with (
            socket(here, room) as one,
            socket(there, room) as other,
            socket(served.compose.address, notices) as counter,
        ):
            await one.send(json.dumps({"body": "to all"}))
            message = {"room": "lobby", "author": "a", "body": "to all"}
            assert [await heard(one), await heard(other)] == [message] * 2
            assert await heard(counter) == {"room": "lobby"}
        is_well(served)
        restored(served, "rooms", "UPDATE rooms_post SET body = 'changed'", "UPDATE rooms_token SET name = 'changed'")
        await drilled(served)
        async with socket(served.compose.address, room) as stays:
            why = "rooms/consumers.py:2: ModuleNotFoundError: No module named 'channels.nowhere'"
            broken = ("rooms/consumers.py", "channels.generic.websocket", "channels.nowhere")
            await refused(served, served.release("broken", broken), why)
            failing = ("rooms/views.py", '"rooms/home.html"', '"rooms/nowhere.html"')
            await refused(served, served.release("failing", failing), "/ answers 500")
            await stays.send(json.dumps({"body": "still here"}))
            assert (await heard(stays))["body"] == "still here"
        await there_and_back(served.with_sockets(room, notices, each=100), "rooms/templates/rooms/room.html")


async def test_plain_django(engine: None, tmp_path: Path) -> None:
    """Its events come one by one through nginx, and no page fails."""
    with adopted("plain", tmp_path, "/") as served:
        assert (await HttpClient(served.compose.address).get("/")).status == 200
        events = await asyncio.to_thread(ticks, served.compose.address)
        assert events == [b'data: {"tick": 1}\n', b'data: {"tick": 2}\n']
        is_well(served)
        restored(served, "sessions", "UPDATE django_session SET session_data = 'changed'")
        await drilled(served)
        why = "clock/views.py:4: ModuleNotFoundError: No module named 'django.nowhere'"
        await refused(served, served.release("broken", ("clock/views.py", "django.http", "django.nowhere")), why)
        failing = ("clock/views.py", '"clock/page.html"', '"clock/nowhere.html"')
        await refused(served, served.release("failing", failing), "/ answers 500")
        assert (await HttpClient(served.compose.address).get("/")).status == 200
        await there_and_back(served, "clock/templates/clock/page.html")


async def test_uploads_a_queue_and_a_worker(engine: None, tmp_path: Path) -> None:
    """What people upload and what waits in the queue outlive both releases; the worker is of the one that serves."""
    with adopted("shelf", tmp_path, "/", with_more) as served:
        client = HttpClient(served.compose.address)
        first = await uploaded(served, "first.txt")
        await told(client, "first.txt", "6 words")
        [worker] = served.compose.containers("process-celery")
        assert worker["Config"]["StopTimeout"] == 60
        page = await uploaded(served, "page.html")
        found = await client.get(page)
        assert found.headers["content-security-policy"] == "sandbox"
        assert found.headers["x-content-type-options"] == "nosniff"
        assert (await posted(served, page, b"")).status == 405
        counts = ("books/tasks.py", '"words"', '"in all"')
        await rolled(served, "rollout", str(served.release("next", ("books/views.py", *TITLE), counts)))
        assert (await client.get(first)).body == BOOK
        assert (await client.get("/words/first.txt/")).text == "6 words", "the store was not made anew"
        await uploaded(served, "second.txt")
        await told(client, "second.txt", "6 in all")
        served.compose.compose("restart", "store")
        await told(client, "first.txt", "6 words")
        await rolled(served, "rollback")
        assert (await client.get(first)).body == BOOK
        await uploaded(served, "third.txt")
        await told(client, "third.txt", "6 words")
        await dies_at_once(served)
        await queued(served, client)
        with served.other_toml(renamed):
            await rolled(served, "rollout")
            [worker] = served.compose.containers("process-jobs")
            assert not served.compose.containers("process-celery", stopped=True)
            [web, _] = served.compose.containers("web")
            assert command("docker", "exec", web["Id"], "cat", "/srv/parley/secrets/app/env-GREETING") == "hello"
            await uploaded(served, "fourth.txt")
            await told(client, "fourth.txt", "6 words")
            await rolled(served, "rollout", "--again")
            [newer] = served.compose.containers("process-jobs")
            assert newer["Id"] != worker["Id"], "it is replaced as the instances are"
            await uploaded(served, "fifth.txt")
            await told(client, "fifth.txt", "6 words")
            # `down` leaves a service that the file does not have any more.
            served.compose.compose("rm", "--stop", "--force", "process-jobs")


ALONE = """
import os, signal
LOCK = "uploads/alone"
def end(*_):
    os.remove(LOCK)
    os._exit(0)
signal.signal(signal.SIGTERM, end)
try:
    os.open(LOCK, os.O_CREAT | os.O_EXCL)
except FileExistsError:
    print("twice", flush=True)
    os._exit(7)
while True:
    signal.pause()
"""  # the lock lies on the volume of uploaded files, which all its containers have
MORE = """alone = {run = "python alone.py", single = true}
"""


def with_more(project: Path) -> None:
    """Give the shelf what `adopt` cannot know of."""
    (project / "alone.py").write_text(ALONE)
    with (project / "parley.toml").open("a") as toml:
        toml.write(MORE)


async def dies_at_once(served: Served) -> None:
    """A worker that cannot start is a line, and the old release serves: its instances, its worker, its single one."""
    ids = [one["Id"] for one in served.compose.containers()]
    for change, line in (
        (unknown, "process-celery ended at once with exit status 2: Error: No such option: --nowhere"),
        (twice, "process-alone ended at once with exit status 7: twice"),
    ):
        with served.other_toml(change):
            done = await asyncio.to_thread(served.parley, "rollout")
            assert done.returncode == 1, done.stdout + done.stderr
            assert line in done.stderr, done.stderr
            assert done.stderr.endswith("; the processes of before run, and no instance was replaced\n")
        assert [one["Id"] for one in served.compose.containers(stopped=True) if one["State"]["Running"]] == ids


def unknown(toml: str) -> str:
    """Return it with an option that the worker does not know."""
    return toml.replace("celery -A shelf worker", "celery -A shelf worker --nowhere")


def twice(toml: str) -> str:
    """Return it with one that finds itself there already."""
    return toml.replace("single = true", "instances = 2")


async def queued(served: Served, client: HttpClient) -> None:
    """What waits in the queue outlives a kill of the Redis that keeps."""
    [worker] = served.compose.containers("process-celery")
    command("docker", "pause", worker["Id"])
    try:
        await uploaded(served, "queued.txt")
        [store] = served.compose.containers("store")
        served.compose.kill("store")
        await asyncio.to_thread(served.compose.until_healthy, restarted={store["Name"]: store["RestartCount"] + 1})
        assert (await client.get("/words/queued.txt/")).text == ""
    finally:
        command("docker", "unpause", worker["Id"])
    await told(client, "queued.txt", "6 words")


def renamed(toml: str) -> str:
    """Return it with one variable more, and the process under another name."""
    assert "celery = {" in toml
    return toml.replace("celery = {", "jobs = {").replace("[project.env]", '[project.env]\nGREETING = "hello"')


async def uploaded(served: Served, name: str) -> str:
    """Upload the book under a name, and give its URL, where it is."""
    head = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="book"; filename="{name}"\r\n\r\n'
    body = head.encode() + BOOK + f"\r\n--{BOUNDARY}--\r\n".encode()
    answer = await posted(served, "/books/", body, content_type=f"multipart/form-data; boundary={BOUNDARY}")
    assert answer.status == 201, answer.text
    url = str(answer.json()["url"])
    assert url == f"/files/{name}"
    assert (await HttpClient(served.compose.address).get(url)).body == BOOK
    return url


async def told(client: HttpClient, name: str, words: str) -> None:
    """Wait until the worker has counted."""
    async with asyncio.timeout(SECONDS):
        while (await client.get(f"/words/{name}/")).text != words:  # noqa: ASYNC110 (another machine's doing)
            await asyncio.sleep(0.1)
