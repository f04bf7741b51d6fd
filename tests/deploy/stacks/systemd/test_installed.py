"""What `sudo ./parley install` leaves on a Debian 13 without a network."""

import json
import re
from contextlib import AsyncExitStack

import pytest

from deploy.effects.client.address import Address
from deploy.effects.client.http_client import HttpClient, guest
from deploy.effects.client.websocket_client import connect
from deploy.model.release import release
from tests.deploy.stacks.systemd.host import CHECKOUT, Installed, relayed

pytestmark = [pytest.mark.systemd, pytest.mark.timeout(600)]

MOST_EXPOSED = {"parley-web@1": 2.0, "parley-nginx": 2.0, "parley-redis": 1.0, f"parley-migrate@{release()}": 2.0}
SECRETS = ("secrets/secret_key", "secrets/database_url", "secrets/layer_url", "tls/key.pem", "parley.toml")


async def test_people_chat_across_the_instances(systemd: Installed) -> None:
    """Six of them, through nginx: each instance has some, and each of them reads what one wrote."""
    async with AsyncExitStack() as stay:
        sockets, seen = [], set()
        for number in range(6):
            cookie = await guest(systemd.address, f"person {number}")
            socket = await stay.enter_async_context(connect(systemd.address, cookie))
            welcome = await socket.welcome()
            assert welcome["server"] == release()
            seen.add(welcome["instance"])
            await socket.join("lobby")
            sockets.append(socket)
        assert seen == set(systemd.host.instances())
        assert len(seen) > 1, "one instance per core"
        sent = await sockets[0].send_text("lobby", "across")
        for socket in sockets:
            assert (await socket.entry("lobby", sent["seq"]))["text"] == "across"


async def test_an_instance_can_be_dialled_past_nginx(systemd: Installed) -> None:
    """By its unix socket, as a pinned client of the behaviour suite does."""
    for name in systemd.host.instances():
        async with connect(systemd.host.instance(name), await guest(systemd.address, "pinned")) as socket:
            assert (await socket.welcome())["instance"] == name


async def test_static_files_come_from_nginx_for_ever(systemd: Installed) -> None:
    """Under names with a hash."""
    visitor = HttpClient(systemd.address)
    path = re.search(r'/static/[^"]+\.css', (await visitor.get("/accounts/login/")).text)
    assert path
    answer = await visitor.get(path[0])
    assert (answer.status, answer.headers["cache-control"]) == (200, "public, max-age=31536000, immutable")


async def test_plain_http_goes_to_https(systemd: Installed) -> None:
    """Port 80, which nginx takes without being root."""
    with relayed(systemd.host, 80) as port:
        answer = await HttpClient(Address.at(f"http://localhost:{port}")).get("/rooms/?a=b")
    assert (answer.status, answer.headers["location"]) == (308, "https://localhost/rooms/?a=b")


def test_no_process_is_roots(systemd: Installed) -> None:
    """nginx's master neither."""
    for name in [*systemd.host.instances(), "nginx", "redis"]:
        unit = f"parley-{name.replace('web-', 'web@')}.service"
        pids = systemd.host.out("cat", f"/sys/fs/cgroup{cgroup(systemd, unit)}/cgroup.procs").split()
        users = set(systemd.host.out("ps", "-o", "user=", "-p", ",".join(pids)).split())
        assert users == {"parley"}, unit


def cgroup(systemd: Installed, unit: str) -> str:
    """Give the control group of a unit, as the host names it."""
    return systemd.host.out("systemctl", "show", unit, "--property=ControlGroup", "--value")


def test_secrets_are_for_the_group_alone(systemd: Installed) -> None:
    """0640 root:parley, in folders that nobody else enters; nginx sees no secret but its key, an instance no key."""
    for name in SECRETS:
        said = systemd.host.out("stat", "--format=%U:%G %a", f"/etc/parley/{name}")
        assert said == "root:parley 640", name
    for folder in ("/etc/parley", "/etc/parley/secrets", "/var/lib/parley"):
        assert systemd.host.out("stat", "--format=%U:%G %a", folder) == "root:parley 750"
    hidden = {"nginx": "/etc/parley/secrets", "web@1": "/etc/parley/tls"}
    for unit, path in hidden.items():
        pid = str(systemd.host.main(f"parley-{unit}.service"))
        inside = systemd.host.run("nsenter", "--target", pid, "--mount", "ls", path, check=False)
        user = systemd.host.run(
            *("nsenter", "--target", pid, "--mount", "setpriv", "--reuid=parley", "--regid=parley", "--clear-groups"),
            *("ls", path),
            check=False,
        )
        assert (inside.stdout, user.returncode) == ("", 2), unit


def test_nothing_of_roots_is_left_in_the_checkout(systemd: Installed) -> None:
    """It belongs to who made it, also after sudo."""
    assert systemd.host.out("find", CHECKOUT, "-not", "-user", "me") == ""


@pytest.mark.parametrize("unit", MOST_EXPOSED)
def test_the_units_are_hardened(systemd: Installed, unit: str) -> None:
    """By systemd's own measure."""
    threshold = str(int(MOST_EXPOSED[unit] * 10))
    done = systemd.host.run("systemd-analyze", "security", f"--threshold={threshold}", f"{unit}.service", check=False)
    assert done.returncode == 0, done.stdout.splitlines()[-1]


def test_systemd_says_nothing_about_the_units(systemd: Installed) -> None:
    """Not a word: an unknown key is only a word."""
    units = systemd.host.out("sh", "-c", "cd /etc/systemd/system && ls -d parley*.service parley*.timer *.target")
    named = [unit.replace("web@", "web@1").replace("migrate@", f"migrate@{release()}") for unit in units.split()]
    assert len(named) >= 9
    done = systemd.host.run("systemd-analyze", "verify", *named)
    assert (done.stdout, done.stderr) == ("", "")


def test_systemd_was_told_that_an_instance_is_ready(systemd: Installed) -> None:
    """By gunicorn itself."""
    said = systemd.host.out("systemctl", "show", "parley-web@1", "--property=Type,StatusText,SubState")
    assert sorted(said.splitlines()) == ["StatusText=Gunicorn arbiter booted", "SubState=running", "Type=notify"]


async def test_the_journal_has_lines_with_fields(systemd: Installed) -> None:
    """JSON of the app and of nginx, under their units."""
    await HttpClient(systemd.address).get("/accounts/login/")
    app = [json.loads(line) for line in systemd.host.journal("parley-web@1", "_COMM=python") if line[0] == "{"]
    assert any(line["event"].startswith("Booting worker") for line in app)
    assert all({"event", "level", "logger", "timestamp"} <= set(line) for line in app)
    access = [json.loads(line) for line in systemd.host.journal("parley-nginx", "SYSLOG_IDENTIFIER=nginx")]
    assert {"path": "/accounts/login/", "status": 200}.items() <= next(
        line.items() for line in reversed(access) if line["path"] == "/accounts/login/"
    )


def test_the_daily_work_is_done(systemd: Installed) -> None:
    """The clean-up and the backup, which the timers start."""
    timers = systemd.host.out("systemctl", "list-timers", "--all", "--no-legend", "parley-*")
    assert {"parley-cleanup.timer", "parley-backup.timer"} <= set(timers.split())
    backups = systemd.host.path("/var/lib/parley/backups")
    before = set(backups.glob("*Z"))
    systemd.host.run("systemctl", "start", "parley-cleanup.service", "parley-backup.service")
    assert any(line.startswith("cleanup: sessions=") for line in systemd.host.journal("parley-cleanup"))
    assert len(set(backups.glob("*Z")) - before) == 1
    assert systemd.host.out("stat", "--format=%U %a", "/var/lib/parley/backups") == "root 700"


def test_a_second_install_changes_nothing(systemd: Installed) -> None:
    """Not a file's time, and not a process."""
    look = r"find /etc/parley /etc/systemd/system /opt/parley /var/lib/parley -printf '%p %i %T@ %u %g %m\n' | sort"
    pids = [systemd.host.pid(name) for name in (*systemd.host.instances(), "nginx", "redis")]
    before = systemd.host.out("sh", "-c", look)
    done = systemd.host.parley("install")
    assert done.stdout == f"nothing to do\n{release()} serves https://localhost/\n"
    assert systemd.host.out("sh", "-c", look) == before
    assert [systemd.host.pid(name) for name in (*systemd.host.instances(), "nginx", "redis")] == pids


def test_another_checkout_is_not_installed_over_it(systemd: Installed) -> None:
    """A rollout does that, without cutting anybody; and what the host's file says is not said otherwise."""
    other = systemd.host.checkout(("app/chat/limits.py", '"""', '"""Another. '), inside="/home/me/other")
    done = systemd.host.run(f"{other}/parley", "install", check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.splitlines()[-1] == (
        f"parley: {release()} is installed, and this is {done.stderr.split('this is ')[1].split(':')[0]}: "
        "deploy it with sudo ./parley rollout --stack systemd"
        " (to install a site beside parley, change site.name in parley.toml)"
    )
    for arguments, said in (
        (("--port", "8443"), "/etc/parley/parley.toml says port 443: change it there"),
        (("--host", "chat.example.com"), "/etc/parley/parley.toml does not name chat.example.com: add it there"),
        (("--env", "compose"), "this host was installed with --env systemd"),
        (("--wheels", "/nowhere"), "/nowhere is not a folder"),
    ):
        refused = systemd.host.parley("install", *arguments, check=False)
        assert (refused.returncode, refused.stderr) == (2, f"parley: {said}\n")


async def test_an_admin_is_made_without_a_question(systemd: Installed) -> None:
    """The password reaches the unit, whose properties are for all to read, and no file of it is left."""
    secret = "a-long-enough-one"
    make = ("manage", "--stack", "systemd", "createsuperuser", "--noinput", "--username", "ada")
    given = (f"DJANGO_SUPERUSER_PASSWORD={secret}", "DJANGO_SUPERUSER_EMAIL=ada@example.com")
    systemd.host.run("env", *given, f"{CHECKOUT}/parley", *make)
    assert await HttpClient(systemd.address).login("ada", secret)
    assert list(systemd.host.path("/run").glob("parley-*.env")) == []
