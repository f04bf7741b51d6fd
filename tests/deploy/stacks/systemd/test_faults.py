"""What an operator does and what dies, while people chat: by the checker's word nobody loses a message."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

from deploy.effects.client.address import Address
from deploy.effects.client.http_client import guest
from deploy.effects.client.websocket_client import connect
from deploy.model.release import release
from deploy.operations.drill.faults import Fault
from deploy.operations.drill.run import Workload, drill
from tests.deploy.operations.rollout.judged import Site
from tests.deploy.stacks.systemd.host import Host, Installed, installed
from tests.waiting import until

pytestmark = [pytest.mark.systemd, pytest.mark.timeout(600)]

# Who asks while the first process begins again may never be answered.
ASK = ("timeout", "5", "systemctl")
BOOTED = (*ASK, "show", "--property=UserspaceTimestampMonotonic", "--value")
SERVING = (*ASK, "is-active", "parley.target")


def people_chat_through(systemd: Installed, act: Callable[[], object], *, graceful: bool = False) -> None:
    """Do it in the middle of a chat; the run counts, and every promise is kept."""

    async def strike(_: object) -> None:
        await asyncio.to_thread(act)

    fault = Fault("operator", "what happens to a host", strike, graceful=graceful, seconds=120)
    verdict = asyncio.run(drill(Site(systemd.address), fault, Workload()))
    assert verdict.passed, str(verdict)


def killed(host: Host, name: str) -> None:
    """Kill a unit's main process, and wait until systemd has started another one and everything answers."""
    before = host.pid(name)
    host.kill(name)
    until(lambda: host.pid(name) not in {None, before}, f"another {name}")
    host.until_ready()


def test_a_reload_cuts_nobody(systemd: Installed) -> None:
    """Of the target, which has nginx read its files again: its process stays, and sockets move when told to."""
    host, nginx, past = systemd.host, systemd.host.pid("nginx"), systemd.host.cursor()
    people_chat_through(systemd, lambda: host.run("systemctl", "reload", "parley.target"))
    assert host.pid("nginx") == nginx
    assert any("Reloaded" in line for line in host.journal("parley-nginx", f"--after-cursor={past}"))


def test_a_reload_with_a_broken_file_is_refused(systemd: Installed) -> None:
    """nginx goes on with what it has."""
    host, nginx = systemd.host, systemd.host.pid("nginx")
    file = host.path(f"/etc/parley/releases/{release()}/nginx/cache.conf")
    whole = file.read_text()
    try:
        file.write_text("no such directive;\n")
        assert host.run("systemctl", "reload", "parley-nginx", check=False).returncode != 0
    finally:
        file.write_text(whole)
    assert host.pid("nginx") == nginx
    host.run("systemctl", "reload", "parley-nginx")


def test_a_restart_of_everything_loses_nothing(systemd: Installed) -> None:
    """Every instance drains; people are away for as long as nobody serves, and come back to all of it."""
    host = systemd.host
    past = host.cursor()  # other tests share the host, and what drained in theirs is in the same journal

    def act() -> None:
        host.run("systemctl", "restart", "parley.target")
        host.until_ready()

    people_chat_through(systemd, act, graceful=True)
    units = [f"parley-{name.replace('web-', 'web@')}" for name in host.instances()]
    lines = [line for unit in units for line in host.journal(unit, f"--after-cursor={past}")]
    assert sum("drain finished sockets=0" in line for line in lines) == len(host.instances())
    assert not any("SIGKILL" in line for line in lines)


def test_a_killed_nginx_is_started_again(systemd: Installed) -> None:
    """kill -9 of its main process; what else may die is in behaviour/test_faults.py."""
    people_chat_through(systemd, lambda: killed(systemd.host, "nginx"))


def test_a_boot_brings_everything_and_the_chat_is_there(systemd_host: Path) -> None:
    """All processes of the host end, and the first one begins again from what is enabled."""
    with installed() as own:  # a boot lets go of what was mounted for the tests
        epoch, text = asyncio.run(said(own.address))
        began = own.host.out(*BOOTED)
        own.host.run(*ASK, "soft-reboot", check=False)

        def again() -> bool:
            asked = own.host.run(*BOOTED, check=False)
            return asked.returncode == 0 and asked.stdout.strip() not in {"", began}

        until(again, "another boot")
        until(lambda: own.host.run(*SERVING, check=False).returncode == 0, "the target")
        own.host.until_ready()
        assert asyncio.run(read(own.address)) == (epoch, text)


async def said(address: Address) -> tuple[str, str]:
    """Say something, and give the room's epoch with it."""
    async with connect(address, await guest(address, "before")) as socket:
        await socket.welcome()
        joined = await socket.join("lobby")
        sent = await socket.send_text("lobby", "before the boot")
        await socket.entry("lobby", sent["seq"])
        return str(joined["epoch"]), "before the boot"


async def read(address: Address) -> tuple[str, str]:
    """Read the newest entry, and give the room's epoch with it."""
    async with connect(address, await guest(address, "after")) as socket:
        await socket.welcome()
        joined = await socket.join("lobby")
        return str(joined["epoch"]), str(joined["entries"][-1]["text"])
