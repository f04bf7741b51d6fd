"""A certificate that is put in the place of another by hand, or by certbot's hook, on an installed host."""

import ssl
import time
from pathlib import Path

import pytest

from tests.deploy.operations.doctor import certificates
from tests.deploy.stacks.systemd.host import POLL, Installed
from tests.waiting import PATIENCE

pytestmark = [pytest.mark.systemd, pytest.mark.timeout(600)]

UNIT = "parley-nginx"
NEW, OLD = "/root/new", "/root/old"


def install(systemd: Installed, folder: str) -> None:
    """Put a pair there as docs/deploying.md says, without the reload."""
    for name in ("certificate.pem", "key.pem"):
        where = f"/etc/parley/tls/{name}"
        systemd.host.run("install", "-o", "root", "-g", "parley", "-m", "0640", f"{folder}/{name}", where)


def shown(systemd: Installed) -> str:
    """Ask nginx for its certificate."""
    where = systemd.address.via or ("127.0.0.1", systemd.address.port)
    return ssl.get_server_certificate(where, timeout=5)


def until_shown(systemd: Installed, wanted: str) -> None:
    """Wait until nginx shows this one: it tells nobody when it has read a file, or listens again."""
    deadline, found = time.monotonic() + PATIENCE, ""
    while found != wanted:
        assert time.monotonic() < deadline, found
        time.sleep(POLL)
        try:
            found = shown(systemd)
        except OSError as error:
            found = str(error)


def lay(folder: Path, first: bytes, key: bytes) -> None:
    """Write a pair."""
    folder.mkdir(exist_ok=True)
    (folder / "certificate.pem").write_bytes(first)
    (folder / "key.pem").write_bytes(key)


def test_a_pair_that_is_no_pair_is_never_served(systemd: Installed) -> None:
    """A reload says so, a restart serves the one from before, and the right key heals it."""
    host, before = systemd.host, shown(systemd)
    host.run("cp", "-a", "/etc/parley/tls", OLD)
    new, other = certificates.unknown(), certificates.unknown()[1]
    try:
        lay(host.path(NEW), new[0], other)
        install(systemd, NEW)
        assert host.run("systemctl", "reload", UNIT, check=False).returncode != 0
        assert any("the pair in /etc/parley/tls is not served: " in line for line in host.journal(UNIT))
        host.run("systemctl", "restart", UNIT)
        until_shown(systemd, before)
        lay(host.path(NEW), *new)
        install(systemd, NEW)
        host.run("systemctl", "reload", UNIT)
        until_shown(systemd, new[0].decode())
        assert host.run("runuser", "-u", "parley", "--", "head", "-c1", "/etc/parley/tls/served/key.pem").stdout
        assert host.run("runuser", "-u", "nobody", "--", "ls", "/etc/parley/tls", check=False).returncode != 0
    finally:
        install(systemd, OLD)
        host.run("systemctl", "reload", UNIT)
        host.run("rm", "-r", NEW, OLD)
    until_shown(systemd, before)


def test_install_refuses_half_a_pair_with_nothing_touched(systemd: Installed) -> None:
    """In one line; the key of somebody is not written over."""
    host = systemd.host
    host.run("cp", "-a", "/etc/parley/tls", OLD)
    key = certificates.unknown()[1]
    try:
        host.path("/etc/parley/tls/key.pem").write_bytes(key)
        done = host.parley("install", check=False)
        line = "parley: /etc/parley/tls/key.pem is not the key of certificate.pem: "
        assert (done.returncode, done.stderr.startswith(line), done.stderr.count("\n")) == (2, True, 1), done.stderr
        assert host.path("/etc/parley/tls/key.pem").read_bytes() == key
    finally:
        install(systemd, OLD)
        host.run("rm", "-r", OLD)
    assert host.parley("install").stdout.splitlines()[0] == "nothing to do"
