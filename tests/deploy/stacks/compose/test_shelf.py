"""The shelf on Compose: uploads, a queue and a worker, a single process, a job, and what its sandbox allows."""

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from deploy.effects.client.http_client import HttpClient
from tests.deploy.stacks.compose.adopted import adopted
from tests.deploy.stacks.compose.served import Served, Site, posted, rolled
from tests.deploy.stacks.compose.stack import command
from tests.waiting import until

pytestmark = [pytest.mark.docker, pytest.mark.release, pytest.mark.timeout(1500)]  # it makes seven releases

SECONDS = 60  # a bound for what a worker does, on a busy machine
TITLE = ("<title>", "<title>next ")
BOOK = b"to be or not to be"
BOUNDARY = "book"
ROLLED_SECONDS = 170  # from the start of a rollout to that of its processes, on a busy machine
READ_ONLY = "is read-only: name its folder in project.sandbox.write of parley.toml"


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
        await writes(served, client, "")
        assert await reached(client) == "from outside"
        counts = ("books/tasks.py", '"words"', '"in all"')
        await rolled(served, "rollout", str(served.release("next", ("books/views.py", *TITLE), counts)))
        assert (await client.get(first)).body == BOOK
        assert (await client.get("/words/first.txt/")).text == "6 words", "the store was not made anew"
        await uploaded(served, "second.txt")
        await told(client, "second.txt", "6 in all")
        served.compose.compose("restart", "store")
        await told(client, "first.txt", "6 words")
        assert (await client.get("/note/?to=notes/first.txt")).text == "of the image xx", "both releases have it"
        await rolled(served, "rollback")
        assert (await client.get(first)).body == BOOK
        await uploaded(served, "third.txt")
        await told(client, "third.txt", "6 words")
        await dies_at_once(served)
        await queued(served, client)
        at = in_a_minute()
        with served.other_toml(lambda toml: renamed(toml).replace("00:00", at)):
            await rolled(served, "rollout")
            assert await reached(client) == "500"
            logs = served.compose.compose("logs", "--no-color", "web")
            assert "Internal Server Error: /reach/: Network is unreachable: project.sandbox.internet" in logs
            await asyncio.to_thread(reported, served, at)
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

[project.schedule]
report = {run = "python job.py", at = "00:00"}

[project.sandbox]
write = ["notes"]
relax = ["jit"]
"""


NOTES = """

def note(request):
    file = Path(request.GET["to"]).expanduser()
    with file.open("a") as notes:
        notes.write("x")
    return HttpResponse(file.read_text(), content_type="text/plain")


def reach(request):
    with socket.create_connection(("172.17.0.1", int(request.GET["port"])), timeout=10) as server:
        return HttpResponse(server.recv(100), content_type="text/plain")
"""


def with_more(project: Path) -> None:
    """Give the shelf what `adopt` cannot know of."""
    (project / "alone.py").write_text(ALONE)
    (project / "job.py").write_text("import os, sys; print('ran as', os.environ['WHO']); sys.exit(3)")
    (project / "writer.py").write_text("open('elsewhere.txt', 'w')")
    (project / "notes").mkdir()
    (project / "notes" / "first.txt").write_text("of the image ")
    views, urls = project / "books" / "views.py", project / "shelf" / "urls.py"
    views.write_text("import socket\nfrom pathlib import Path\n\n" + views.read_text() + NOTES)
    urls.write_text(urls.read_text() + 'urlpatterns += [path("note/", views.note), path("reach/", views.reach)]\n')
    toml = project / "parley.toml"
    text = toml.read_text().replace("[project.env]", '[project.env]\nWHO = "{instance} of {release}"')
    toml.write_text(f"{text}{MORE}")


async def dies_at_once(served: Served) -> None:
    """A worker that cannot start is a line, and the old release serves: its instances, its worker, its single one."""
    ids = [one["Id"] for one in served.compose.containers()]
    for change, line in (
        (unknown, "process-celery ended at once with exit status 2: Error: No such option '--nowhere'."),
        (twice, "process-alone ended at once with exit status 7: twice"),
        (writing, f"process-writer ended at once with exit status 1: elsewhere.txt {READ_ONLY}"),
    ):
        with served.other_toml(change):
            done = await asyncio.to_thread(served.parley, "rollout")
            assert done.returncode == 1, done.stdout + done.stderr
            assert line in done.stderr, done.stderr
            assert done.stderr.endswith(" of before run again, and no instance was replaced\n")
        assert [one["Id"] for one in served.compose.containers(stopped=True) if one["State"]["Running"]] == ids


def unknown(toml: str) -> str:
    """Return it with an option that the worker does not know."""
    return toml.replace("celery -A shelf worker", "celery -A shelf worker --nowhere")


def twice(toml: str) -> str:
    """Return it with one that finds itself there already."""
    return toml.replace("single = true", "instances = 2")


def writing(toml: str) -> str:
    """Return it with a process that writes where nobody may."""
    return toml.replace("alone = {", 'writer = {run = "python writer.py"}\nalone = {')


async def writes(served: Served, client: HttpClient, so_far: str) -> None:
    """The folder that was named can be written, and so can HOME; what cannot is a line in the log."""
    note = await client.get("/note/?to=notes/first.txt")
    assert (note.status, note.text) == (200, f"of the image {so_far}x")
    assert (await client.get("/note/?to=~/x.txt")).text == "x"
    assert (await client.get("/note/?to=books/x.txt")).status == 500
    logs = served.compose.compose("logs", "--no-color", "web")
    assert f"Internal Server Error: /note/: books/x.txt {READ_ONLY}" in logs
    assert "Traceback" not in logs
    doctor = await asyncio.to_thread(served.parley, "doctor", "--only", "sandbox-refuses-nothing")
    assert doctor.returncode == 1, doctor.stdout + doctor.stderr
    assert f": books/x.txt {READ_ONLY.removesuffix(' of parley.toml')}\n" in doctor.stdout, doctor.stdout


async def reached(client: HttpClient) -> str:
    """Return what a server of this host says to the project, which is in no network of the stack."""

    async def greet(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"from outside")
        writer.close()

    async with await asyncio.start_server(greet, "172.17.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        answer = await client.get(f"/reach/?port={port}")
    return answer.text if answer.status == 200 else str(answer.status)


def reported(served: Served, at: str) -> None:
    """Wait until the job has run, as who it is; its failure is a line."""
    [job] = served.compose.containers("schedule-report")
    who = f"ran as {job['Config']['Hostname']} of {served.releases[0]}"
    line = f"schedule-report failed: ended with exit status 3: {who}; it runs again at {at} UTC"
    until(lambda: line in command("docker", "logs", job["Id"]), line)


def in_a_minute() -> str:
    """Return a time that a rollout that begins now is through by, and no longer than it has to be."""
    return f"{datetime.now(UTC) + timedelta(seconds=ROLLED_SECONDS + 60):%H:%M}"


async def queued(served: Served, client: HttpClient) -> None:
    """What waits in the queue outlives a kill of the Redis that keeps."""
    [worker] = served.compose.containers("process-celery")
    command("docker", "pause", worker["Id"])
    try:
        await uploaded(served, "queued.txt")
        [store] = served.compose.containers("store")
        served.compose.kill("store")

        def is_back() -> bool:
            [now] = served.compose.containers("store", stopped=True)
            return now["RestartCount"] > store["RestartCount"] and now["State"]["Health"]["Status"] == "healthy"

        await asyncio.to_thread(until, is_back, "the store is back")
        assert (await client.get("/words/queued.txt/")).text == ""
    finally:
        command("docker", "unpause", worker["Id"])
    await told(client, "queued.txt", "6 words")


def renamed(toml: str) -> str:
    """Return it with one variable more, without other hosts, and with the worker under another name."""
    assert "celery = {" in toml
    toml = toml.replace("[project.sandbox]", "[project.sandbox]\ninternet = false")
    return toml.replace("celery = {", "jobs = {").replace("[project.env]", '[project.env]\nGREETING = "hello"')


async def uploaded(served: Site, name: str) -> str:
    """Upload the book under a name, and give its URL, where it is."""
    head = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="book"; filename="{name}"\r\n\r\n'
    body = head.encode() + BOOK + f"\r\n--{BOUNDARY}--\r\n".encode()
    answer = await posted(served, "/books/", body, content_type=f"multipart/form-data; boundary={BOUNDARY}")
    assert answer.status == 201, answer.text
    url = str(answer.json()["url"])
    assert url == f"/files/{name}"
    assert (await HttpClient(served.address).get(url)).body == BOOK
    return url


async def told(client: HttpClient, name: str, words: str) -> None:
    """Wait until the worker has counted."""
    async with asyncio.timeout(SECONDS):
        while (await client.get(f"/words/{name}/")).text != words:  # noqa: ASYNC110 (another machine's doing)
            await asyncio.sleep(0.1)
