"""Projects of somebody else on a host with systemd, with the parley.toml that `adopt` writes: installed and rolled."""

import asyncio
import json
import re
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from deploy.effects.client.http_client import HttpClient
from tests.deploy.stacks.compose.served import heard, posted, rolled, socket
from tests.deploy.stacks.compose.test_shelf import BOOK, told, uploaded
from tests.deploy.stacks.systemd.project import Site, installed
from tests.foreign import PROJECTS, parley

pytestmark = [pytest.mark.systemd, pytest.mark.timeout(900)]

ROOM, PAGE = "/ws/chat/lobby/", "/chat/lobby/"
TITLE = ("<title>", "<title>next ")
MOST_EXPOSED = {"nginx": 2.0}  # by systemd's own measure, of 10
OTHERS = 1.5


@contextmanager
def adopted(name: str, folder: Path, page: str, more: Callable[[str], str] = str) -> Iterator[Site]:
    """Install a copy of a project with what `adopt` wrote, or `more` makes of it."""
    project = folder / name
    shutil.copytree(PROJECTS / name, project, ignore=shutil.ignore_patterns("__pycache__", "*.sqlite3"))
    done = parley("adopt", str(project), "--python", sys.executable, "--dir", str(folder / "state"))
    assert done.returncode == 0, done.stdout + done.stderr
    file = project / "parley.toml"
    file.write_text(more(file.read_text()))
    site = next(line.split('"')[1] for line in file.read_text().splitlines() if line.startswith("name = "))
    with installed(project, page, name=site) as found:
        yield found


async def refused(site: Site, folder: str, why: str, status: int = 1) -> None:
    """Try a release that does not work: it is refused with the reason, and who serves is who served.

    One that cannot even be imported is bad input.
    """
    before = site.releases
    done = await asyncio.to_thread(site.parley, "rollout", folder)
    assert done.returncode == status, done.stdout + done.stderr
    assert why in done.stderr, done.stderr
    assert site.releases == before


def is_hardened(site: Site, *units: str) -> None:
    """Have systemd measure how exposed they are."""
    for unit in units:
        threshold = str(int(MOST_EXPOSED.get(unit, OTHERS) * 10))
        named = f"{site.name}-{unit}.service"
        done = site.host.run("systemd-analyze", "security", f"--threshold={threshold}", named, check=False)
        assert done.returncode == 0, done.stdout.splitlines()[-1]


async def test_tutorial(systemd_host: Path, tmp_path: Path) -> None:
    """Served by two instances, rolled under 200 people, broken, rolled back, restored from a backup, removed."""
    with adopted("tutorial", tmp_path, PAGE) as site:
        client = HttpClient(site.address)
        assert (await client.get(PAGE)).status == 200
        here, there = site.instances
        async with socket(here, ROOM) as one, socket(there, ROOM) as other:
            await one.send(json.dumps({"message": "to all"}))
            assert [await heard(one), await heard(other)] == [{"message": "to all"}] * 2
        is_hardened(site, "web@1", "nginx", "redis")
        site.until_ready()

        first = site.releases
        following = site.release("next", ("chat/templates/chat/room.html", *TITLE))
        await rolled(site.with_sockets(ROOM, each=200), "rollout", following)
        assert "<title>next" in (await client.get(PAGE)).text
        assert not set(first) & set(site.releases)
        broken = site.release("broken", ("chat/routing.py", "from django.urls", "from django.nowhere"))
        async with socket(site.address, ROOM) as stays:
            await refused(site, broken, "No module named 'django.nowhere'", 2)
            await stays.send(json.dumps({"message": "still here"}))
            assert await heard(stays) == {"message": "still here"}
        await rolled(site.with_sockets(ROOM, each=20), "rollback")
        assert "<title>next" not in (await client.get(PAGE)).text
        assert site.releases == first

        site.restored("chat.message", "UPDATE chat_message SET text = 'changed'")
        site.host.run("systemctl", "start", "mysite-backup.service", "mysite-cleanup.service")
        # A database of somebody else that has the name, and that PostgreSQL of this site has nothing to do with.
        site.host.run("runuser", "-u", "postgres", "--", "createdb", site.name)
        site.host.parley("uninstall", "--project", site.folder, "--purge")
        assert site.host.out("find", "/opt", "/etc", "/var/lib", "/run", "-xdev", "-name", f"{site.name}*") == ""
        assert site.host.run("id", site.name, check=False).returncode == 1
        assert site.host.out("runuser", "-u", "postgres", "--", "psql", "-d", site.name, "-Atc", "SELECT 1") == "1"


def with_more(toml: str) -> str:
    """Return the shelf's with a database server, and with one more of everything that runs beside the instances."""
    found = re.search(r"celery -A (\w+) worker", toml)
    assert found
    more = f"""beat = {{run = "celery -A {found[1]} beat -s /tmp/beat", single = true, grace = 10}}

[project.schedule]
nightly = {{run = "manage.py check", at = "04:00"}}

[project.sandbox]
write = ["notes"]
relax = ["jit"]
"""
    env = '[project.env]\nWHO = "{instance} of {release}"\nTOKEN = "file:/etc/hostname"\n'
    return toml.replace('"sqlite"', '"postgres"').replace("[project.env]\n", env) + more


@pytest.mark.release
async def test_uploads_a_queue_and_a_worker(systemd_host: Path, tmp_path: Path) -> None:
    """What people upload and what waits in the queue outlive both releases; each process is of the one that serves."""
    with adopted("shelf", tmp_path, "/", with_more) as site:
        client = HttpClient(site.address)
        first = await uploaded(site, "first.txt")
        await told(client, "first.txt", "6 words")
        found = await client.get(await uploaded(site, "page.html"))
        assert found.headers["content-security-policy"] == "sandbox"
        is_hardened(site, "web@1", "store", "process-celery@1", "schedule-nightly")
        assert site.unit("web@1.service", "MemoryDenyWriteExecute") == {"MemoryDenyWriteExecute": "no"}
        assert site.unit("process-beat@1.service", "TimeoutStopUSec") == {"TimeoutStopUSec": "10s"}
        variables = environment(site, "web@1.service")
        assert variables["WHO"] == f"web-1 of {site.releases[0]}"
        assert "TOKEN" not in variables
        assert site.host.out("systemctl", "show", "shelf-web@1.service").count(variables["REDIS_URL"]) == 0
        site.host.run("systemctl", "start", "shelf-schedule-nightly.service")
        assert "System check identified no issues (0 silenced)." in site.host.journal("shelf-schedule-nightly")
        site.host.run("runuser", "-u", "shelf", "--", "touch", "/opt/shelf/current/work/notes/a")

        counts = ("books/tasks.py", '"words"', '"in all"')
        following = site.release(
            "next", ("books/views.py", *TITLE), counts, ("parley.toml", "\nbeat = {", "\ntick = {")
        )
        await rolled(site, "rollout", following)
        assert (await client.get(first)).body == BOOK
        assert (await client.get("/words/first.txt/")).text == "6 words", "the store was not made anew"
        await uploaded(site, "second.txt")
        await told(client, "second.txt", "6 in all")
        assert site.host.path("/var/lib/shelf/write/notes/a").exists()
        assert site.unit("process-tick@1.service", "ActiveState") == {"ActiveState": "active"}
        assert site.unit("process-beat@1.service", "LoadState", "ActiveState")["ActiveState"] == "inactive"

        before = site.unit("process-celery@1.service", "ExecMainPID")
        dying = site.release("dying", ("parley.toml", '{run = "celery -A ', '{run = "celery -A no'))
        await refused(site, dying, "process-celery@1 ended at once with exit status 2: The module no")
        assert site.unit("process-celery@1.service", "ExecMainPID") != before, "the old one was started again"
        await uploaded(site, "third.txt")
        await told(client, "third.txt", "6 in all")

        await rolled(site, "rollback")
        assert (await client.get(first)).body == BOOK
        site.host.run("systemctl", "restart", "shelf-store.service")
        await uploaded(site, "fourth.txt")
        await told(client, "fourth.txt", "6 words")
        assert site.unit("process-beat@1.service", "ActiveState") == {"ActiveState": "active"}
        site.until_ready()


def environment(site: Site, unit: str) -> dict[str, str]:
    """Return the variables that a unit's process was started with."""
    pid = site.host.main(f"{site.name}-{unit}")
    said = site.host.path(f"/proc/{pid}/environ").read_bytes().decode().split("\0")
    return dict(one.split("=", 1) for one in said if one)


@pytest.mark.release
async def test_tokens(systemd_host: Path, tmp_path: Path) -> None:
    """Old packages and PostgreSQL; sockets under two prefixes, and faults under which no page fails."""
    with adopted("token", tmp_path, "/rooms/lobby/", lambda toml: toml.replace('"sqlite"', '"postgres"')) as site:
        token = (await posted(site, "/api/token/", b'{"name": "a"}')).json()["token"]
        room, notices = (f"{path}?token={token}" for path in ("/rooms/lobby/live/", "/socket/notices/"))
        here, there = site.instances
        async with socket(here, room) as one, socket(there, room) as other, socket(site.address, notices) as counter:
            await one.send(json.dumps({"body": "to all"}))
            message = {"room": "lobby", "author": "a", "body": "to all"}
            assert [await heard(one), await heard(other)] == [message] * 2
            assert await heard(counter) == {"room": "lobby"}
        site.until_ready()
        site.restored("rooms", "UPDATE rooms_post SET body = 'changed'", "UPDATE rooms_token SET name = 'changed'")
        await drilled(site)
        failing = site.release("failing", ("rooms/views.py", '"rooms/home.html"', '"rooms/nowhere.html"'))
        await refused(site, failing, "/ answers 500")
        following = site.release("next", ("rooms/templates/rooms/room.html", *TITLE))
        await rolled(site.with_sockets(room, notices, each=100), "rollout", following)
        await rolled(site.with_sockets(room, notices, each=20), "rollback")


@pytest.mark.release
async def test_plain_django(systemd_host: Path, tmp_path: Path) -> None:
    """Without Channels: no page fails under a fault or a rollout."""
    with adopted("plain", tmp_path, "/") as site:
        assert (await HttpClient(site.address).get("/")).status == 200
        site.until_ready()
        await drilled(site)
        await rolled(site, "rollout", site.release("next", ("clock/templates/clock/page.html", *TITLE)))
        await rolled(site, "rollback")


async def drilled(site: Site) -> None:
    """Under each of these faults no page fails."""
    for fault in ("worker-kill", "nginx-reload", "instance-restart"):
        done = await asyncio.to_thread(site.parley, "drill", "run", fault, "--json")
        assert done.returncode == 0, done.stdout + done.stderr
        verdict = json.loads(done.stdout)
        assert (verdict["outcome"], verdict["counts"]) == ("passed", {}), fault
        assert set(verdict["statuses"]) == {"200"}
