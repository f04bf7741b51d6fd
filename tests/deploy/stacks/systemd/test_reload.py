"""A reload of nginx on an installed host: the instances move who was there, and nginx cuts nobody."""

import datetime as dt
import os
import signal
import ssl
from collections.abc import Iterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from deploy.model.config import load
from deploy.model.hosts import LOOPBACK
from deploy.stacks import certificate
from tests import stock
from tests.deploy.stacks.systemd.host import Installed, installed
from tests.ends import assert_spread, codes, ends_of
from tests.waiting import until

pytestmark = [pytest.mark.systemd, pytest.mark.timeout(600)]

SOCKETS = 200


@pytest.fixture(scope="module")
def host(systemd_host: Path) -> Iterator[Installed]:
    """A host with a stock consumer beside the chat."""
    with installed(changes=stock.CHANGES) as running:
        yield running


def found(running: Installed, cursor: str = "") -> None:
    """Wait until each instance has found nginx, since a place in the journal."""
    after = [f"--after-cursor={cursor}"] if cursor else []
    for name in running.host.instances():
        unit = f"parley-{name.replace('web-', 'web@')}"
        until(lambda unit=unit: any("nginx found" in line for line in running.host.journal(unit, *after)), f"{unit}")  # type: ignore[misc]


def shown(running: Installed) -> str:
    """Return the certificate that nginx shows."""
    assert running.address.via
    return ssl.get_server_certificate(running.address.via, timeout=5)


async def test_a_renewed_certificate_moves_200_stock_sockets(host: Installed, tmp_path: Path) -> None:
    """As the runbook renews it: a file to its place, and `systemctl reload`."""
    found(host)
    before, nginx, cursor = shown(host), host.host.pid("nginx"), host.host.cursor()
    later = dt.datetime.now(dt.UTC) + certificate.LIFETIME
    new = host.host.path("/root")
    certificate.ensure(certificate.Files(new / "certificate.pem", new / "key.pem"), LOOPBACK, later)
    async with AsyncExitStack() as exits:
        sockets = await stock.opened(exits, host.address, SOCKETS)
        for name in ("key.pem", "certificate.pem"):
            mode = ("-o", "root", "-g", "parley", "-m", "0640")
            host.host.run("install", *mode, f"/root/{name}", f"/etc/parley/tls/{name}")
        host.host.run("systemctl", "reload", "parley-nginx")
        assert_spread(await ends_of(sockets), load(env="systemd").stop.drain_seconds)
    assert shown(host) != before
    assert host.host.pid("nginx") == nginx
    found(host, cursor)


async def test_a_reload_by_hand_is_one_too(host: Installed) -> None:
    """HUP for nginx's first process, with nobody asked."""
    found(host)
    cursor, nginx = host.host.cursor(), host.host.pid("nginx")
    assert nginx
    async with AsyncExitStack() as exits:
        sockets = await stock.opened(exits, host.address, 20)
        os.kill(nginx, signal.SIGHUP)
        assert codes(await ends_of(sockets)) == {1012: 20}
    found(host, cursor)


@pytest.mark.release
async def test_a_restart_cuts_nobody(host: Installed) -> None:
    """`systemctl restart`: nginx waits for its sockets, and has to wait no longer than for a drain."""
    found(host)
    cursor = host.host.cursor()
    async with AsyncExitStack() as exits:
        sockets = await stock.opened(exits, host.address, 20)
        host.host.run("systemctl", "restart", "--no-block", "parley-nginx")
        assert codes(await ends_of(sockets)) == {1012: 20}
    found(host, cursor)


@pytest.mark.release
async def test_a_killed_nginx_comes_back(host: Installed) -> None:
    """Over the unix socket that it left."""
    cursor = host.host.cursor()
    host.host.kill("nginx")
    found(host, cursor)
    async with AsyncExitStack() as exits:
        assert await stock.opened(exits, host.address, 1)
