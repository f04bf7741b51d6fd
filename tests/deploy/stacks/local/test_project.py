"""Somebody else's project on `up`: its page, in Chromium too, its sockets on two instances, a drain, a reload, drills;
no file of it changes."""

import asyncio
import json
import os
import re
import signal
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import yaml
from websockets.asyncio.client import ClientConnection, connect, unix_connect

from deploy.effects.client.address import Address
from deploy.effects.client.http_client import HttpClient
from deploy.stacks.local import readiness
from tests.browser import project_pages
from tests.deploy.operations.runbooks.book import Book
from tests.deploy.operations.watch.running import watching
from tests.ends import codes, ends_of
from tests.foreign import TOML, copied, digest, parley
from tests.running import READY_SECONDS, RunningStack, running_stack

# All of them in one lane with the one that drives Chromium: the first one installs the project's packages.
pytestmark = [pytest.mark.stack, pytest.mark.browser, pytest.mark.timeout(900)]

PATH = "/ws/chat/lobby/"
PAGE = "/chat/lobby/"
HOST = "chat.example"  # on localhost a browser does not turn ws:// into wss://
VISITED = f'{TOML}[project.drill]\npages = ["{PAGE}"]\nsockets = ["{PATH}"]\n'
LEAST_CUT = 20  # of 100 sockets, which nginx spreads over two instances
SECONDS = 10  # a bound for a message, on a busy machine


@dataclass(frozen=True)
class Served:
    """A running project."""

    stack: RunningStack
    folder: Path
    before: str  # the digest of its folder

    @property
    def options(self) -> tuple[str, ...]:
        """What a command needs to find it."""
        return "--project", str(self.folder), "--dir", str(self.stack.directory)


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory, tutorial_packages: Path) -> Iterator[Served]:
    """The tutorial's project, in folders with spaces and umlauts."""
    folder = tmp_path_factory.mktemp("project")
    project = copied("tutorial", folder / "mein Projekt ä", VISITED)
    state = folder / "Zustand ö+1"
    state.mkdir()
    (state / "python").symlink_to(tutorial_packages)
    before = digest(project)
    with running_stack(state, "--project", str(project), "--host", HOST) as running:
        yield Served(running, project, before)
    assert digest(project) == before


@pytest.mark.runbook("redis-down", "local")
def test_a_runbook_mends_its_redis(book: Book, served: Served) -> None:
    """A page's commands are for the project: no other stack runs here."""
    book = replace(book, project=served.folder)
    status, _ = book.tried("Diagnosis", served.stack)
    assert status == 1, "a healthy stack is not this page's"
    before = served.stack.state["redis_pid"]
    os.kill(before, signal.SIGSTOP)
    book.run(served.stack)
    assert served.stack.state["redis_pid"] != before
    done = parley("runbook", "run", "abusive-user", *served.options)
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)


def test_its_alerts_are_of_what_it_has(served: Served, tmp_path: Path) -> None:
    """None is of a metric that the chat alone counts: it would fire for ever, or never."""
    done = parley("render", "prometheus", *served.options, "--out", str(tmp_path))
    assert done.returncode == 0, done.stderr
    (group,) = yaml.safe_load((tmp_path / "rules.yml").read_text())["groups"]
    assert {rule["alert"] for rule in group["rules"]} == {
        *("ParleyInstanceDown", "ParleyInstanceRestarts", "ParleyEdgeLost", "ParleySocketsNearlyFull"),
        *("ParleyProbeFails", "ParleyCertificateExpires", "ParleyCertificateRefused"),
    }
    [job] = yaml.safe_load((tmp_path / "prometheus.yml").read_text())["scrape_configs"]
    asked = {one["targets"][0] for one in job["static_configs"]}
    assert asked == {one.metrics for one in served.stack.instances}
    found = json.loads((tmp_path / "dashboard.json").read_text())
    assert found["title"] == "tutorial"
    assert "parley_layer_well" not in json.dumps(found)


def socket(address: Address, path: str = PATH) -> Any:
    """Open a socket as a page of the site does."""
    settings: dict[str, Any] = {"origin": address.origin, "additional_headers": address.forwarded, "open_timeout": 30}
    if address.path is not None:
        return unix_connect(str(address.path), f"ws://{address.host}{path}", **settings)
    return connect(f"wss://{address.host}{path}", ssl=address.tls, proxy=None, **settings)


async def heard(connection: ClientConnection) -> str:
    """Return the next message's text."""
    async with asyncio.timeout(SECONDS):
        message: str = json.loads(await connection.recv())["message"]
    return message


async def test_its_page_and_its_files_are_served(served: Served) -> None:
    """Under names that carry their content's hash, because collecting them went well."""
    client = HttpClient(served.stack.address)
    page = await client.get("/chat/lobby/")
    assert page.status == 200
    [style] = [word for word in page.text.split('"') if word.endswith(".css")]
    assert style.startswith("/static/chat/chat.")
    assert style != "/static/chat/chat.css"
    assert (await client.get(style)).status == 200


async def test_sockets_of_two_instances_hear_each_other(served: Served) -> None:
    """The layer is the stack's Redis, though the settings name another; what was said is in the database."""
    async with socket(served.stack.pinned(0)) as one, socket(served.stack.pinned(1)) as other:
        await one.send(json.dumps({"message": "hello"}))
        assert [await heard(one), await heard(other)] == ["hello", "hello"]
        await other.send(json.dumps({"message": "and back"}))
        assert [await heard(one), await heard(other)] == ["and back", "and back"]
    assert "hello" in (await HttpClient(served.stack.address).get("/chat/lobby/")).text


async def test_a_drain_closes_its_sockets_with_1012(served: Served) -> None:
    """And the others stay; who comes back is taken by the other instance."""
    async with socket(served.stack.pinned(0)) as drained, socket(served.stack.pinned(1)) as stays:
        done = await asyncio.to_thread(parley, "drain", "web-1", *served.options)
        assert done.returncode == 0, done.stderr
        assert codes(await ends_of([drained])) == {1012: 1}
        async with socket(served.stack.address) as again:
            await again.send(json.dumps({"message": "again"}))
            assert [await heard(again), await heard(stays)] == ["again", "again"]
    async with asyncio.timeout(READY_SECONDS):
        await readiness.instance(served.stack.instances[0].socket)


async def test_a_reload_of_nginx_moves_its_sockets(served: Served) -> None:
    """With 1012: nginx cuts nobody."""
    for number in range(2):
        await served.stack.until_measured(number, edge=1)
    async with socket(served.stack.address) as one:
        os.kill(served.stack.state["nginx_pid"], signal.SIGHUP)
        assert codes(await ends_of([one])) == {1012: 1}


def test_other_commands_find_it(served: Served) -> None:
    """manage.py runs in its environment, under the overlay; the doctor finds nothing broken; check imports it."""
    code = "from django.conf import settings; print(settings.DEBUG, settings.DATABASES['default']['NAME'])"
    said = parley("manage", *served.options, "shell", "-c", code)
    assert said.returncode == 0, said.stderr
    assert said.stdout.splitlines()[-1] == f"False {served.stack.directory / 'parley.sqlite3'}"
    doctor = parley("doctor", *served.options, "--wait", "30")
    assert doctor.returncode == 0, doctor.stdout
    assert re.search(
        r"^ok +handshakes-are-passed-on +the same as past nginx: /ws/ 404 text/plain.*$", doctor.stdout, re.MULTILINE
    )
    checked = parley("check", *served.options)
    assert checked.returncode == 0, checked.stderr
    assert "imported: mysite.asgi:application with mysite.settings" in checked.stdout
    assert int(parley("pid", "web-1", *served.options).stdout) == served.stack.instances[0].pid


def test_watch_asks_for_a_page_and_for_handshakes(served: Served) -> None:
    """It knows no room of it; the certificate is looked at all the same."""
    with watching(served.stack, 0.2, "--project", str(served.folder)) as watch:
        found = watch.until("parley_probe_seconds_count", 2)
    assert (found["parley_probe_up"], found["parley_probe_certificate_accepted"]) == (1, 1)
    assert found["parley_probe_certificate_expires_seconds"] > 0


def test_a_backup_is_restored_where_nothing_has_been_made(
    served: Served, tutorial_packages: Path, tmp_path: Path
) -> None:
    """With what was said; the project has no command for afterwards, which is said."""
    code = "from chat.models import Message; Message.objects.create(room='kept', text='kept')"
    assert parley("manage", *served.options, "shell", "-c", code).returncode == 0
    created = parley("backup", "create", *served.options)
    assert created.returncode == 0, created.stderr
    backups = served.stack.directory / "backups"
    [name] = [path.name for path in backups.iterdir() if path.is_dir()]
    refused = parley("backup", "restore", name, *served.options)
    assert (refused.returncode, refused.stderr.count("\n")) == (2, 1)
    (tmp_path / "python").symlink_to(tutorial_packages)
    here = ("--project", str(served.folder), "--dir", str(tmp_path), "--folder", str(backups))
    restored = parley("backup", "restore", name, *here)
    assert restored.returncode == 0, restored.stderr
    assert "after the restore: no [project.hooks].after_restore is set: skipped\n" in restored.stdout
    with closing(sqlite3.connect(tmp_path / "parley.sqlite3")) as database:
        assert ("kept",) in database.execute("SELECT text FROM chat_message").fetchall()


async def test_its_python_finds_parley_serving_and_nothing_else_of_the_checkout(served: Served) -> None:
    """A project may have a `config` or an `accounts` of its own."""
    code = "import importlib.util as u; print([n for n in ('config', 'accounts', 'realtime') if u.find_spec(n)])"
    said = await asyncio.to_thread(parley, "manage", *served.options, "shell", "-c", code)
    assert said.stdout.splitlines()[-1] == "[]", said.stderr


async def test_two_pages_hear_each_other_in_chromium(served: Served) -> None:
    """From the project's own page, which says ws://, on a name that is not localhost; its console has no error."""
    url = f"https://{HOST}:{served.stack.address.port}{PAGE}"
    is_ready = "socket.readyState === WebSocket.OPEN"
    async with project_pages.opened(url, 2, address="127.0.0.1", is_ready=is_ready) as pages:
        await project_pages.hear_each_other(pages, "#log")


async def drilled(served: Served, fault: str) -> dict[str, Any]:
    """Run a drill by the command line, and return its verdict."""
    done = await asyncio.to_thread(parley, "drill", "run", fault, "--json", *served.options)
    assert done.returncode == 0, done.stdout + done.stderr
    verdict: dict[str, Any] = json.loads(done.stdout)
    return verdict


async def test_a_worker_is_killed_under_its_visitors(served: Served) -> None:
    """No page fails, and who was cut is back at once; a drill that is about messages is skipped in one line."""
    verdict = await drilled(served, "worker-kill")
    assert (verdict["outcome"], verdict["counts"], verdict["left_out"]) == ("passed", {}, [])
    assert verdict["closed"].keys() == {"1006"}
    assert LEAST_CUT <= verdict["closed"]["1006"] == verdict["reconnects"] < verdict["sockets"]
    assert verdict["statuses"] == {"200": verdict["loads"]}
    skipped = await asyncio.to_thread(parley, "drill", "run", "link-cut", *served.options)
    assert (skipped.returncode, skipped.stdout.count("\n")) == (0, 1)
    assert skipped.stdout.startswith("link-cut: skipped: it is about messages")
