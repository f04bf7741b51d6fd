"""Somebody else's project on Compose: up, rolled out under open sockets, broken, rolled back; no file of it changes."""

import json
import re
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from deploy.effects import files
from deploy.effects.client.http_client import HttpClient
from deploy.model.config import load
from deploy.operations.backup.manifest import sha256
from deploy.operations.backup.volume import VolumeEngine
from deploy.operations.instance.metrics import ASK
from deploy.stacks.compose.project import home
from deploy.stacks.compose.stack import ComposeStack
from deploy.stacks.stack import Sqlite
from tests.deploy.stacks.compose.owned import new_name, short_name
from tests.deploy.stacks.compose.served import (
    Served,
    heard,
    refused,
    restored,
    rolled,
    rolled_with_another_limit,
    socket,
)
from tests.deploy.stacks.compose.stack import command, running_compose
from tests.foreign import TOML, copied, digest, parley

pytestmark = [pytest.mark.docker, pytest.mark.own_stack, pytest.mark.timeout(900)]  # the first one builds an image

PATH = "/ws/chat/lobby/"
PAGE = "/chat/lobby/"
REPLICAS = 2
WRITTEN_OUT = "sk_live_of_nobody"  # a value of [project.env]
NEXT = ("chat/templates/chat/room.html", "<title>", "<title>next ")
ANOTHER = (NEXT[0], NEXT[1], "<title>another ")
SOCKET = "    'websocket': AllowedHostsOriginValidator("
DEAF = ("mysite/asgi.py", SOCKET, f"    'websocket': lambda *_: 1 / 0,\n{SOCKET.replace('websocket', 'none')}")
AFTERWARDS = "createcachetable afterwards"
# One row more, which is in the log alone: who ends so closes nothing.
WRITTEN = """
import os, sqlite3, sys
database = sqlite3.connect(sys.argv[1], isolation_level=None)
database.execute("PRAGMA journal_mode=WAL")
database.execute("CREATE TABLE IF NOT EXISTS said (text)")
database.execute("INSERT INTO said VALUES (?)", sys.argv[2:])
os._exit(0)
"""
READ = "import sqlite3, sys; print(*sqlite3.connect(sys.argv[1]).execute('SELECT text FROM said'), sep='', end='')"
BROKEN = ("chat/routing.py", "from django.urls", "from django.nowhere")


@pytest.fixture(scope="module")
def served(engine: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """The tutorial's project in a folder with spaces and umlauts, under a name of its own."""
    name = short_name()
    toml = (
        f"{TOML.replace('tutorial', name)}"
        f'[project.drill]\npages = ["{PAGE}"]\nsockets = ["{PATH}"]\n'
        f'[project.hooks]\nafter_restore = "{AFTERWARDS}"\n'
        f'[project.env]\nPAYMENTS = "{WRITTEN_OUT}"\n'
    )
    folder = copied("tutorial", tmp_path_factory.mktemp("project") / "mein Projekt ä", toml)
    before = digest(folder)
    root = home(load(project=folder))
    assert root
    try:
        rendered = parley("render", "compose", "--project", str(folder))
        assert rendered.returncode == 0, rendered.stderr
        with running_compose(REPLICAS, root) as running:
            yield Served(running, folder, PAGE, (PATH,))
    finally:
        files.remove(root.parent)
    assert digest(folder) == before


async def test_its_page_its_files_and_sockets_of_two_instances(served: Served) -> None:
    """Static files have hashed names; the layer is the stack's Redis, and what was said is in PostgreSQL."""
    client = HttpClient(served.compose.address)
    page = await client.get(PAGE)
    assert page.status == 200
    [style] = [word for word in page.text.split('"') if word.endswith(".css")]
    assert style.startswith("/static/chat/chat.")
    assert style != "/static/chat/chat.css"
    assert (await client.get(style)).status == 200
    one, other = served.instances
    async with socket(one, PATH) as here, socket(other, PATH) as there:
        await here.send(json.dumps({"message": "hello"}))
        assert [await heard(here), await heard(there)] == [{"message": "hello"}] * 2
        await there.send(json.dumps({"message": "and back"}))
        assert [await heard(here), await heard(there)] == [{"message": "and back"}] * 2
    assert "hello" in (await client.get(PAGE)).text
    assert "and back" in served.psql("TABLE chat_message")


def test_manage_check_and_the_doctor_speak_to_it(served: Served) -> None:
    """manage.py runs with the stack's settings; nothing is broken, and each prefix is asked for a handshake."""
    code = "from django.conf import settings; print(settings.DEBUG, settings.DATABASES['default']['HOST'])"
    assert served.manage("shell", "-c", code).splitlines()[-1] == "False postgres"
    checked = served.compose.parley("check", "--env", "compose", "--project", str(served.folder))
    assert checked.returncode == 0, checked.stderr
    assert f"release {served.releases[0]}: " in checked.stdout
    doctor = served.parley("doctor", "--wait", "30")
    assert doctor.returncode == 0, doctor.stdout
    said = {line.split()[1]: line.split(maxsplit=2)[2] for line in doctor.stdout.splitlines()[:-1]}
    assert re.fullmatch(r"the same as past nginx: /ws/ 404 text/plain.*", said["handshakes-are-passed-on"])
    assert said["message-comes-back"].startswith("the project has no [project.hooks].probe")
    assert said["releases-agree"] == served.releases[0]
    assert said["nginx-files-are-the-model"].endswith(" files")
    assert said["app-runs-the-model"].endswith(" variables")
    assert "parley_sockets" in served.parley("metrics", served.stack.instances()[0].name).stdout


def test_the_probe_asks_it_for_a_page_and_for_handshakes(served: Served) -> None:
    """Without an account, through the edge, at the site's own name."""
    try:
        served.compose.compose("--profile", "monitoring", "up", "--detach", "--wait", "--no-deps", "probe")
        [probe] = served.compose.containers("probe")
        said = command("docker", "exec", probe["Id"], "python", "-c", ASK, "127.0.0.1:9100")
        assert "\nparley_probe_up 1.0\n" in said
        assert "\nparley_probe_certificate_accepted 1.0\n" in said
    finally:
        served.compose.compose("--profile", "monitoring", "rm", "--stop", "--force", "probe")


def test_what_was_changed_is_as_it_was_after_a_restore(served: Served) -> None:
    """The project's own tables, and its command for afterwards; not while instances run."""
    served.manage("shell", "-c", "from chat.models import Message; Message.objects.create(room='kept', text='kept')")
    changes = (
        "UPDATE chat_message SET text = 'changed'",
        "INSERT INTO chat_message (room, text, sent) VALUES ('new', 'new', now())",
        "CREATE TABLE newer (id int)",
    )
    assert f"after the restore: `manage.py {AFTERWARDS}`\n" in restored(served, "chat.message", *changes)
    tables = served.psql("SELECT tablename FROM pg_tables WHERE tablename IN ('newer', 'afterwards')")
    assert tables.split() == ["afterwards"]


def test_a_file_on_a_volume_is_copied_and_put_back(served: Served, tmp_path: Path) -> None:
    """By the project's image: with what its log alone holds; a copy that arrives cut short replaces nothing."""
    project = replace(served.stack.project, name=new_name())
    config = load({"project": {"database": "sqlite"}}, env="compose", project=served.folder)
    database = ComposeStack(project, config).database
    assert isinstance(database, Sqlite)
    engine, python = VolumeEngine(database), [*database.deploy[: database.deploy.index("-E")], "-c"]
    copy = tmp_path / "copy"
    try:
        command(*python, WRITTEN, str(database.path), "kept")
        engine.dump(copy)
        assert engine.read_back(copy) == {"said": 1}
        command(*python, WRITTEN, str(database.path), "later")
        cut = [*database.deploy, "database-file", "restore", str(database.path), sha256(copy)]
        done = subprocess.run(cut, input=copy.read_bytes()[:-1], capture_output=True, check=False)
        assert (done.returncode, b"not all of the copy arrived" in done.stderr) == (1, True)
        assert command(*python, READ, str(database.path)) == "('kept',)('later',)"
        engine.restore(copy)
        assert command(*python, READ, str(database.path)) == "('kept',)"
    finally:
        command("docker", "volume", "rm", "--force", f"{project.name}_data")


def test_its_processes_have_a_way_out(served: Served) -> None:
    """Over the network for that alone; nothing that keeps its data has one."""
    for name, has_one in {"web": True, "cleanup": True, "redis": False, "postgres": False}.items():
        for one in served.compose.containers(name):
            routes = command("docker", "exec", one["Id"], "cat", "/proc/net/route").splitlines()[1:]
            assert any(route.split()[1] == "00000000" for route in routes) == has_one, (name, routes)


def test_a_value_that_is_written_out_is_in_a_file_alone(served: Served) -> None:
    """No container's variables have it, and the processes read it."""
    assert WRITTEN_OUT not in json.dumps(served.compose.containers(stopped=True))
    assert (
        served.compose.compose("exec", "--no-TTY", "web", "cat", "/srv/parley/secrets/app/env-PAYMENTS") == WRITTEN_OUT
    )


def test_a_drill_kills_a_worker(served: Served) -> None:
    """No page fails, and who was cut is back."""
    done = served.parley("drill", "run", "worker-kill", "--json")
    assert done.returncode == 0, done.stdout + done.stderr
    verdict = json.loads(done.stdout)
    assert (verdict["outcome"], verdict["left_out"]) == ("passed", [])
    assert set(verdict["statuses"]) == {"200"}
    assert verdict["loads_in_window"] > 0
    assert set(verdict["closed"]) == {"1006"}
    assert verdict["reconnects"] == verdict["closed"]["1006"] > 0


async def test_rolled_out_under_200_sockets(served: Served) -> None:
    """Every socket is asked to come back with 1012, every page is answered, and nginx has its new file."""
    before = served.releases
    await rolled_with_another_limit(served.with_sockets(PATH, each=200), served.release("next", NEXT))
    assert "<title>next" in (await HttpClient(served.compose.address).get(PAGE)).text
    assert not set(served.releases) & set(before)


@pytest.mark.release
async def test_broken_releases_serve_nobody_and_a_good_one_is_taken_back(served: Served) -> None:
    """One that cannot be imported is refused while it is built; one whose sockets fail, by the handshake through its
    first instance, though it is ready and its pages work. Nobody is moved by either.
    """
    first = served.releases
    await rolled(served, "rollout", str(served.release("another", ANOTHER)))
    before = served.releases
    assert not set(first) & set(before)
    async with socket(served.compose.address, PATH) as stays:
        why = "chat/routing.py:1: ModuleNotFoundError: No module named 'django.nowhere'\n"
        await refused(served, served.release("broken", BROKEN), why)
        await refused(served, served.release("deaf", DEAF), "a handshake at /ws/ is answered 500")
        await stays.send(json.dumps({"message": "still here"}))
        assert await heard(stays) == {"message": "still here"}
    assert served.releases == before
    await rolled(served, "rollback")
    assert served.releases == first
    assert "<title>another" not in (await HttpClient(served.compose.address).get(PAGE)).text
