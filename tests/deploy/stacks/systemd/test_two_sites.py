"""Two sites on one Debian host: side by side, and the end of one is not the other's."""

import subprocess
from collections.abc import Sequence

import pytest

from deploy.effects.client.address import Address
from deploy.effects.client.http_client import guest
from deploy.effects.client.websocket_client import connect
from tests.deploy.stacks.systemd.host import CHECKOUT, TOML, Host, relayed
from tests.deploy.stacks.systemd.test_bare import everything

pytestmark = [pytest.mark.systemd, pytest.mark.timeout(900)]

NAMED = ("parley.toml", 'name = "parley" ', 'name = "staging"')
ANOTHER = ("app/chat/limits.py", '"""', '"""Another. ')
DATABASE = "the role or the database books in PostgreSQL"
PARLEYS = ("/opt/parley", "/etc/parley", "/var/lib/parley", "/run/parley", "/etc/systemd/system/parley")
PORT = 8443
OTHER, UPSTREAM = "/home/me/other", "/home/me/upstream"


def parley(host: Host, checkout: str, *words: str, name: str = "") -> subprocess.CompletedProcess[str]:
    """Run the launcher of a checkout, perhaps for a site of another name."""
    named = ("env", f"PARLEY_NAME={name}") if name else ()
    return host.run(*named, f"{checkout}/parley", *words, check=False)


def refusal(done: subprocess.CompletedProcess[str]) -> str:
    """Give the one line of bad input, without what the launcher says of its environment."""
    assert (done.returncode, done.stdout) == (2, ""), done
    lines = [line for line in done.stderr.splitlines() if "requirements" not in line and "making" not in line]
    assert len(lines) == 1, lines
    return lines[0]


async def said(address: Address, text: str) -> list[str]:
    """Write into the lobby, and give what all have written there."""
    async with connect(address, await guest(address, "somebody")) as socket:
        await socket.join("lobby")
        sent = await socket.send_text("lobby", text)
        entries = (await socket.history("lobby", before=sent["seq"] + 1))["entries"]
        return [entry["text"] for entry in entries if "text" in entry]


def processes(host: Host, units: Sequence[str]) -> list[int]:
    """Give the main process of each unit, all of which must run."""
    found = [host.main(unit) for unit in units]
    assert all(found), dict(zip(units, found, strict=True))
    return found


async def test_two_sites_on_one_host(bare: Host) -> None:
    """Each has its own of everything; a name that the host or another checkout has is refused."""
    for name, own in (("parley", ""), ("staging", f"[site]\nport = {PORT}\nhttp_port = 0\n")):
        bare.path(f"/etc/{name}").mkdir()
        bare.path(f"/etc/{name}/parley.toml").write_text(f"{own}[app]\ninstances = 1\n{TOML}")
    bare.parley("install")
    ours = ("parley-web@1.service", "parley-nginx.service", "parley-redis.service")
    bare.run("runuser", "-u", "postgres", "--", "createdb", "books")
    before, alone = processes(bare, ours), everything(bare)

    bare.checkout(NAMED, inside=OTHER)
    for name, what in (
        ("nginx", "/etc/nginx"),
        ("postgres", "the user postgres"),
        ("ssl", "/etc/ssl"),
        ("basic", "/usr/lib/systemd/system/basic.target"),
        ("books", DATABASE),
    ):
        assert refusal(parley(bare, CHECKOUT, "install", name=name)) == (
            f"parley: the name {name} is taken: {what} is not Parley's; choose another site.name in parley.toml"
        )
    assert refusal(parley(bare, CHECKOUT, "install", name="../x")).startswith("parley: PARLEY_NAME: '../x' is not a")
    assert refusal(parley(bare, OTHER, "install", name="parley")).endswith(
        "(to install a site beside parley, change site.name in parley.toml)"
    )
    assert refusal(parley(bare, OTHER, "uninstall")) == "parley: Parley (staging) is not installed here"
    assert everything(bare) == alone

    done = parley(bare, OTHER, "install")
    assert done.returncode == 0, done.stderr
    theirs = ("staging-web@1.service", "staging-nginx.service", "staging-redis.service")
    processes(bare, theirs)
    assert processes(bare, ours) == before
    assert bare.out("ps", "-o", "user=", "-p", str(bare.main(theirs[0]))) == "staging"
    with relayed(bare, 443) as first, relayed(bare, PORT) as second:
        here = Address.at("https://localhost").through("127.0.0.1", first)
        there = Address.at(f"https://localhost:{PORT}").through("127.0.0.1", second)
        assert await said(here, "of parley") == ["of parley"]
        assert await said(there, "of staging") == ["of staging"]

        # A runbook is for the site of its checkout, and so is what it reads.
        redis = bare.main(theirs[2])
        played = parley(bare, OTHER, "runbook", "run", "redis-down", "--stack", "systemd", "--only", "mitigation")
        assert played.returncode == 0, played.stdout
        assert bare.main(theirs[2]) not in {None, redis}
        assert processes(bare, ours) == before
        logged = (
            'journalctl --sync; journalctl -o cat -u staging-nginx | grep -c \'GET /ws/chat/\\|"path":"/ws/chat/"\''
        )
        assert int(bare.out("sh", "-c", logged)) > 0
        for name, purged in (("parley", CHECKOUT), ("staging", OTHER)):
            said_first = parley(bare, purged, "uninstall", "--dry-run")
            assert said_first.stdout.startswith(f"site: {name}\n"), said_first
        assert refusal(parley(bare, CHECKOUT, "uninstall", "--purge")).startswith(
            "parley: this host has the sites parley, staging: say whose data goes: sudo env PARLEY_NAME=parley "
        )
        assert processes(bare, ours) == before

        # A release of whatever name it ships is of the site that rolls it out.
        kept = everything(bare)
        bare.checkout(ANOTHER, inside=UPSTREAM)
        rolled = parley(bare, OTHER, "rollout", "--stack", "systemd", UPSTREAM)
        assert rolled.returncode == 0, rolled.stderr
        changed = set(everything(bare)) ^ set(kept)
        assert [line for line in changed if line.startswith(PARLEYS)] == []
        assert processes(bare, ours) == before
        assert await said(there, "of the next") == ["of staging", "of the next"]

        done = parley(bare, OTHER, "uninstall", "--purge")
        assert done.returncode == 0, done.stderr
        assert processes(bare, ours) == before
        left = [line for line in everything(bare) if "staging" in line and not line.startswith("/opt/parley/")]
        assert left == []
        assert await said(here, "of parley still") == ["of parley", "of parley still"]
