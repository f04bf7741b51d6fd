"""What may be missing or in the way on a bare host; and what is left after everything was removed."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.model.release import release
from tests.deploy.stacks.systemd.host import Host, booted

pytestmark = [pytest.mark.systemd, pytest.mark.timeout(900)]

# Everything but what changes by itself: processes, logs, the database's own files.
CHANGING = (
    *("/proc", "/sys", "/dev", "/run/systemd", "/run/udev", "/run/postgresql"),
    *("/tmp", "/var/tmp", "/var/log", "/home", "/wheels", "/var/lib/postgresql"),
)
LOOK = r"""
find / PRUNED -printf '%p %y %m %u %g %l\n' | sort
cat /etc/passwd /etc/group /etc/shadow /etc/gshadow
runuser -u postgres -- psql -XAtc 'SELECT datname FROM pg_database UNION SELECT rolname FROM pg_roles ORDER BY 1'
""".replace("PRUNED", " ".join(f"-path {path} -prune -o" for path in CHANGING))


@pytest.fixture(scope="module")
def bare(systemd_host: Path) -> Iterator[Host]:
    """One host for all of this file: each test leaves it bare, but for the checkout's environment."""
    with booted() as host:
        host.parley("--help")  # makes the environment, from the wheels beside the checkout
        yield host


def everything(host: Host) -> list[str]:
    """List the host's files with their owners and modes, its users, and PostgreSQL's databases and roles."""
    return host.out("sh", "-c", LOOK).splitlines()


def refused(host: Host, *arguments: str) -> str:
    """Run the launcher and give its one line; a refusal changes nothing."""
    before = everything(host)
    done = host.parley(*arguments, check=False)
    lines = [line for line in done.stderr.splitlines() if not re.search("making .venv|installing requirements", line)]
    assert (done.returncode, done.stdout, len(lines)) == (2, "", 1), done
    assert everything(host) == before
    return lines[0].removeprefix("parley: ")


def test_what_is_missing_or_in_the_way_is_one_line(bare: Host) -> None:
    """And nothing is half-done."""
    assert refused(bare, "uninstall") == "Parley is not installed here"
    assert (
        refused(bare, "rollout", "--stack", "systemd")
        == "Parley is not installed on this host: run sudo ./parley install"
    )
    assert refused(bare, "install", "--host", "no host") == (
        "site.hosts.0: 'no host' is not a host name or address, such as chat.example.com"
    )
    assert refused(bare, "install", "--env", "nowhere").startswith("parley.toml: no environment is called 'nowhere'")
    bare.run("systemctl", "start", "nginx")
    assert re.fullmatch(
        r"port 80 is in use on 127\.0\.0\.1 by process \d+, nginx: master process .+: choose another"
        r" \(nginx\.service runs: systemctl disable --now nginx\)",
        refused(bare, "install"),
    )
    bare.run("systemctl", "stop", "nginx")
    bare.run("systemd-run", "--quiet", "--unit=other", "socat", "TCP-LISTEN:8443,bind=127.0.0.1,reuseaddr", "PIPE")
    said = refused(bare, "install", "--port", "8443")
    assert re.fullmatch(r"port 8443 is in use on 127\.0\.0\.1 by process \d+, \S*socat .+: choose another", said)
    bare.run("mv", "/usr/sbin/nginx", "/usr/bin/redis-server", "/home/me")
    assert refused(bare, "install") == "packages are missing: apt install nginx redis-server"
    bare.run("mv", "/home/me/nginx", "/usr/sbin/")
    bare.run("mv", "/home/me/redis-server", "/usr/bin/")
    done = bare.run("runuser", "-u", "me", "--", "/home/me/parley/parley", "install", check=False)
    assert (done.returncode, done.stderr) == (
        2,
        "parley: install changes this host: run it as root (sudo ./parley install)\n",
    )
    bare.run("systemctl", "stop", "other")


def test_an_installation_from_the_dry_run_to_the_purge(bare: Host) -> None:
    """The dry run changes nothing, and says with `would` what the installation says. Uninstalling keeps people's data:
    a host that is installed again goes on where it was. A purge leaves nothing.
    """
    before = everything(bare)
    said = bare.parley("install", "--dry-run").stdout.splitlines()
    assert everything(bare) == before
    assert said[-1] == f"{len(said) - 1} steps; nothing was changed"
    done = bare.parley("install").stdout.splitlines()
    assert [f"would {line}" for line in done[:-1]] == said[:-1]
    assert done[-1] == f"{release()} serves https://localhost/"
    bare.run("runuser", "-u", "parley", "--", "psql", "-Xqc", "UPDATE chat_room SET title = 'ours'")
    key = bare.path("/etc/parley/secrets/secret_key").read_text()
    assert "would stop and disable parley.target" in bare.parley("uninstall", "--dry-run").stdout
    assert bare.out("systemctl", "is-active", "parley.target") == "active"

    kept = bare.parley("uninstall").stdout.splitlines()[-1]
    assert kept.startswith("kept: the user and the database parley, /etc/parley, /var/lib/parley")
    left = {line.split()[0] for line in set(everything(bare)) - set(before) if line[0] == "/"}
    assert {path for path in left if not path.startswith(("/etc/parley", "/var/lib/parley"))} == set()
    # What systemd has not forgotten yet is listed without `--state` too, as not-found.
    assert bare.out("systemctl", "list-units", "--all", "--state=loaded", "--no-legend", "parley*") == ""

    bare.parley("install")
    assert bare.out("runuser", "-u", "parley", "--", "psql", "-XAtc", "SELECT title FROM chat_room") == "ours"
    assert bare.path("/etc/parley/secrets/secret_key").read_text() == key

    bare.parley("uninstall", "--purge")
    assert everything(bare) == before
