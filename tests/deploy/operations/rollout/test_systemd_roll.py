"""Rollouts of an installed host, by its own command line: people chat on, and a broken release serves nobody."""

import asyncio
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.operations.rollout.history import History
from tests.deploy.operations.rollout.judged import assert_refused, judged, served, statuses, style
from tests.deploy.operations.rollout.releases import BETTER, BROKEN, SAYS, STYLE
from tests.deploy.operations.runbooks.book import Book
from tests.deploy.stacks.systemd.host import POLL, Installed, installed
from tests.sets import marked
from tests.waiting import PATIENCE

pytestmark = [pytest.mark.systemd, pytest.mark.timeout(900)]

ON_SYSTEMD = ("--stack", "systemd")


@pytest.fixture(scope="module")
def systemd(systemd_host: Path) -> Iterator[Installed]:
    """A host whose instances these tests may replace."""
    with installed() as running:
        yield running


def serving(systemd: Installed) -> set[str]:
    """Name the releases that the instances' processes were started from."""
    host = systemd.host
    mains = [host.main(f"parley-{name.replace('web-', 'web@')}.service") for name in host.instances()]
    return {Path(host.out("readlink", f"/proc/{main}/cwd")).parent.name for main in mains}


def boots(systemd: Installed) -> list[str]:
    """Give where the links lead: what boots, and what each instance starts from."""
    return systemd.host.out("sh", "-c", "readlink /opt/parley/current /opt/parley/instances/*").splitlines()


def once_held(systemd: Installed, act: list[str]) -> subprocess.CompletedProcess[str]:
    """Run the launcher as soon as somebody holds the lock."""
    lock, deadline = systemd.host.path("/var/lib/parley/rollout.lock"), time.monotonic() + PATIENCE
    while not (lock.exists() and lock.read_text()):
        assert time.monotonic() < deadline, "nobody holds the lock"
        time.sleep(POLL)
    return systemd.host.parley(*act, check=False)


@pytest.mark.runbook("rollback", "systemd")
def test_rolled_out_and_back_while_people_chat(systemd: Installed, book: Book) -> None:
    """Back by the runbook. Zero violations each way; every client is moved, and a second rollout meanwhile refused."""
    host, before, old_style = systemd.host, serving(systemd), asyncio.run(style(systemd.address))
    better = host.checkout(*BETTER, inside="/home/me/better")
    refused: list[subprocess.CompletedProcess[str]] = []

    def roll() -> None:
        second = threading.Thread(target=lambda: refused.append(once_held(systemd, ["rollout", *ON_SYSTEMD])))
        second.start()
        host.parley("rollout", better, *ON_SYSTEMD, "--why", "the better one")
        second.join()

    verdict = judged(systemd.address, roll)
    assert verdict.passed, str(verdict)
    assert verdict.acknowledged >= 500
    (new,) = serving(systemd)
    assert {new} != before
    assert {Path(target).name for target in boots(systemd)} == {new}
    assert asyncio.run(served(systemd.address)) == new
    assert_refused(refused[0], "the better one")
    new_style = asyncio.run(style(systemd.address))
    assert new_style != old_style
    assert asyncio.run(statuses(systemd.address, old_style, new_style)) == [200, 200]

    verdict = judged(systemd.address, lambda: book.run(systemd, WHY="worse than it looked"))
    assert verdict.passed, str(verdict)
    assert serving(systemd) == before
    assert asyncio.run(statuses(systemd.address, old_style, new_style)) == [200, 200]
    (old,) = before
    records = History(host.path("/var/lib/parley")).records()
    assert [(record.what, record.release, record.why, record.failed) for record in records] == [
        ("found", old, "", ""),
        ("rollout", new, "the better one", ""),
        ("rollback", old, "worse than it looked", ""),
    ]


@pytest.mark.parametrize("name", marked(pytest.mark.release, BROKEN, "does not import", "breaks nginx's config"))
def test_a_broken_release_leaves_the_old_one_serving(systemd: Installed, name: str) -> None:
    """It is refused at its step, or put back; what boots is the old one, and everybody finds it whole."""
    before, boot, named = serving(systemd), boots(systemd), asyncio.run(style(systemd.address))
    broken = systemd.host.checkout(*BROKEN[name], STYLE, inside="/home/me/broken")
    patience = "10" if name == "is never ready" else "60"
    failed = systemd.host.parley("rollout", broken, *ON_SYSTEMD, "--patience", patience, check=False)
    assert failed.returncode == 1, failed
    assert SAYS[name] in failed.stderr
    assert serving(systemd) == before
    assert boots(systemd) == boot
    systemd.host.until_ready()
    assert {asyncio.run(served(systemd.address)) for _ in range(4)} == before
    assert asyncio.run(style(systemd.address)) == named
    assert asyncio.run(statuses(systemd.address, named)) == [200]
