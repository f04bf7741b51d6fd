"""A project's processes and jobs under `up`: a Celery worker, several of one, what dies at once, a job of today."""

import asyncio
import json
import os
import signal
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from deploy.effects.client.http_client import HttpClient
from deploy.model.config import load
from deploy.stacks import packages
from tests.foreign import copied, parley
from tests.running import RunningStack, running_stack
from tests.waiting import PATIENCE

pytestmark = [pytest.mark.stack, pytest.mark.timeout(400)]

SOON = timedelta(seconds=50)  # until the job's minute: longer than the start of the stack, and not much
TOML = """
[site]
name = "shelf"
[project]
asgi = "shelf.asgi:application"
layer = "pubsub"
sockets = []
media = "uploads"
[project.settings]
module = "shelf.settings"
[project.env]
REDIS_URL = "{redis_url}"
WHO = "{instance}"
[project.processes]
celery = {run = "celery -A shelf worker --concurrency 1", grace = 20}
pair = {run = "python pair.py", instances = 2, grace = 1}
broken = {run = "python broken.py"}
nowhere = {run = "nowhere --all"}
[project.schedule]
report = {run = "python job.py", at = "AT"}
"""
PAIR = "import os, signal; print(os.environ['WHO'], flush=True); signal.signal(15, signal.SIG_IGN)\n"
PAIR += "while True: signal.pause()"
REFUSING = """def count(name):
    if name == "refused.txt":
        raise OSError(30, "Read-only file system", "counts/refused.txt")
"""  # as a disk that is mounted so
BOUNDARY = "book"
HEAD = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="book"; filename="NAME"\r\n\r\nto be or not to be'
TYPE = {"content-type": f"multipart/form-data; boundary={BOUNDARY}"}


@dataclass(frozen=True)
class Served:
    """The running project."""

    stack: RunningStack
    folder: Path

    def parley(self, *words: str) -> str:
        """Run a command on it, and return what it wrote."""
        done = parley(*words, "--project", str(self.folder), "--dir", str(self.stack.directory))
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def beside(self, name: str) -> int:
        """Return the process of this name."""
        return int(self.parley("pid", name))

    async def upload(self, name: str) -> None:
        """Upload a book, which queues a task."""
        client, body = HttpClient(self.stack.address), f"{HEAD.replace('NAME', name)}\r\n--{BOUNDARY}--\r\n"
        answer = await asyncio.to_thread(client._request, "POST", "/books/", body.encode(), TYPE)
        assert answer.status == 201, answer.text

    async def until_counted(self, name: str) -> None:
        """Wait until the worker has counted its words."""
        async with asyncio.timeout(PATIENCE):
            while await self.words(name) != "6 words":  # noqa: ASYNC110 (another process's doing)
                await asyncio.sleep(0.1)

    async def words(self, name: str) -> str:
        """Return what the page says of a book."""
        return (await HttpClient(self.stack.address).get(f"/words/{name}/")).text


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A shelf with a worker, two that ignore the signal that ends them, two that die at once, and a job."""
    folder = tmp_path_factory.mktemp("shelf")
    at = datetime.now(UTC) + SOON + timedelta(minutes=1)
    project = copied("shelf", folder / "project", TOML.replace("AT", f"{at:%H:%M}"))
    tasks = project / "books" / "tasks.py"
    tasks.write_text(tasks.read_text().replace("def count(name):\n", REFUSING))
    (project / "pair.py").write_text(PAIR)
    (project / "broken.py").write_text("print('reading'); import books.nowhere")
    (project / "job.py").write_text("import os; print('ran as', os.environ['WHO']); exit(3)")
    packages.ensure(load(project=project), folder / "state" / "python", print)
    with running_stack(folder / "state", "--project", str(project)) as running:
        yield Served(running, project)
        left = {name: member["pid"] for member in running.state["beside"] if (name := member["name"]) and member["pid"]}
        began = time.monotonic()
        running.stop()
    assert time.monotonic() - began < 20, "each has its own grace, and no other's"
    said = "".join(running.lines)
    assert "process-pair-1 did not stop within 1 s: killed" in said
    assert "process-celery-1 did not stop" not in said
    assert not [pid for pid in left.values() if Path(f"/proc/{pid}").exists()]


async def test_a_worker_takes_what_is_queued(served: Served) -> None:
    """In the project's environment and variables."""
    await served.upload("first.txt")
    await served.until_counted("first.txt")


async def test_a_task_that_fails_keeps_its_traceback(served: Served) -> None:
    """Here is no sandbox whose key could be named; and the worker goes on."""
    await served.upload("refused.txt")
    await served.stack.line("process-celery-1", "OSError: [Errno 30] Read-only file system: 'counts/refused.txt'")
    await served.upload("after.txt")
    await served.until_counted("after.txt")
    assert "project.sandbox" not in "".join(served.stack.lines)


async def test_each_of_several_has_its_name(served: Served) -> None:
    """In the lines, in {instance}, and where the instances are listed."""
    for number in (1, 2):
        await served.stack.line(f"process-pair-{number} | process-pair-{number}")
    names = [one["name"] for one in served.stack.state["beside"]]
    assert names == [
        *("process-celery-1", "process-pair-1", "process-pair-2"),
        *("process-broken-1", "process-nowhere-1", "schedule-report"),
    ]


async def test_what_dies_at_once_is_a_line_and_the_site_is_up(served: Served) -> None:
    """With its name, its exit status and the last line it said; the doctor names it."""
    await served.stack.line(
        "up     | process-broken-1 ended with exit status 1: "
        "ModuleNotFoundError: No module named 'books.nowhere'; starting it again"
    )
    await served.stack.line(
        "up     | process-nowhere-1 ended with exit status 1: ",
        "nowhere is neither a file nor a program of this environment; starting it again",
    )
    assert (await HttpClient(served.stack.address).get("/")).status == 200
    options = ("--project", str(served.folder), "--dir", str(served.stack.directory))
    doctor = await asyncio.to_thread(parley, "doctor", *options)
    assert doctor.returncode == 1
    assert "process-broken-1, process-nowhere-1: not running, or not well" in doctor.stdout, doctor.stdout


@pytest.mark.release  # a minute, and 10 s more for the fault
async def test_what_is_queued_outlives_both_redis(served: Served) -> None:
    """The worker stands still while the store is killed, and the layer's Redis by a drill."""
    worker = served.beside("process-celery-1")
    os.killpg(worker, signal.SIGSTOP)
    try:
        await served.upload("queued.txt")
        os.kill(int(served.parley("pid", "store")), signal.SIGKILL)
        await served.stack.line("store was ended by SIGKILL; starting it again")
        verdict = json.loads(await asyncio.to_thread(served.parley, "drill", "run", "redis-kill", "--json"))
        assert (verdict["outcome"], verdict["counts"]) == ("passed", {})
        assert await served.words("queued.txt") == ""
    finally:
        os.killpg(worker, signal.SIGCONT)
    await served.until_counted("queued.txt")


@pytest.mark.release  # up to two minutes
async def test_a_job_runs_at_its_time(served: Served) -> None:
    """Its lines are among the others, and one that fails is a line, which the doctor does not take for a death."""
    await served.stack.line("schedule-report | ran as schedule-report", timeout=120)
    await served.stack.line(
        "schedule-report failed: ended with exit status 3: ran as schedule-report; it runs again at"
    )
    assert served.beside("schedule-report")
