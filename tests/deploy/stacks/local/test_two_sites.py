"""Two projects of other people on one machine, behind one proxy that has port 443: nothing of one is in the other."""

import asyncio
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from deploy.effects.client.address import Address
from deploy.effects.client.http_client import HttpClient
from tests.deploy.stacks.compose.served import heard, socket
from tests.foreign import TOML, copied, digest, parley
from tests.in_front import Proxy, needs
from tests.running import RunningStack, free_port, running_stack
from tests.waiting import PATIENCE

pytestmark = [pytest.mark.stack, pytest.mark.timeout(400)]  # the first one installs the tutorial's packages

FRONTS = [
    pytest.param(("Two sites, one nginx in front", "nginx"), id="nginx"),
    pytest.param(("Two sites, one Caddy in front", "caddy"), id="caddy", marks=pytest.mark.release),
]
NAMES = {"chat.example.com": "tutorial.localhost", "shelf.example.com": "press.localhost"}
# What it asks for is what the tutorial asks for, so the packages are there already.
PRESS = """
[site]
name = "press"
[project]
asgi = "press.asgi:application"
settings = "press.settings"
requirements = ["{requirements}"]
layer = "core"
[project.env]
REDIS_URL = "{{layer_url}}"
[project.processes]
channels = {{run = "manage.py runworker prints"}}
"""
BEHIND = """
[site]
name = "{name}"
tls = "none"
public = "https://{host}:{port}"
trusted_proxies = ["127.0.0.1"]
"""


@dataclass(frozen=True)
class Site:
    """One of the two: its stack, its folder, and how visitors come."""

    stack: RunningStack
    folder: Path
    address: Address

    @property
    def options(self) -> tuple[str, ...]:
        """What a command needs to find it."""
        return "--project", str(self.folder), "--dir", str(self.stack.directory)

    @property
    def processes(self) -> list[int]:
        """Who serves now."""
        return [pid for one in self.stack.instances for pid in (one.pid, *one.workers())]


def behind(toml: str, name: str, host: str, port: int) -> str:
    """Put what the page says into a parley.toml."""
    return toml.replace(f'[site]\nname = "{name}"\n', BEHIND.format(name=name, host=host, port=port))


@pytest.fixture(scope="module", params=FRONTS)
def sites(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, tutorial_packages: Path
) -> Iterator[tuple[Site, Site]]:
    """Both behind one proxy, with its file of docs/behind-a-proxy.md."""
    heading, kind = request.param
    needs(kind)
    folder = tmp_path_factory.mktemp("two")
    port, first, second = free_port(), free_port(), free_port()
    tomls = {"tutorial": TOML, "press": PRESS.format(requirements=folder / "tutorial" / "requirements.txt")}
    for name, toml in tomls.items():
        copied(name, folder / name, behind(toml, name, f"{name}.localhost", port))
        (folder / f"{name}-state").mkdir()
        (folder / f"{name}-state" / "python").symlink_to(tutorial_packages)
    before = {name: digest(folder / name) for name in tomls}
    front = Proxy(
        kind,
        folder / "front",
        port,
        first,
        heading=heading,
        sites={written: (name, at) for (written, name), at in zip(NAMES.items(), (first, second), strict=True)},
    )
    with (
        front.running(),
        running_stack(folder / "tutorial-state", "--project", str(folder / "tutorial"), "--port", str(first)) as chat,
        running_stack(folder / "press-state", "--project", str(folder / "press"), "--port", str(second)) as press,
    ):
        found = [
            Site(stack, folder / name, Address.at(f"https://{name}.localhost:{port}").through("127.0.0.1", port))
            for name, stack in zip(tomls, (chat, press), strict=True)
        ]
        yield found[0], found[1]
    assert {name: digest(folder / name) for name in tomls} == before


async def test_each_has_its_own_pages_sockets_and_cookies(sites: tuple[Site, Site]) -> None:
    """By its name alone; what one says is not heard in the other, whose Redis and database are others."""
    tutorial, press = sites
    pages = [await HttpClient(site.address).get(path) for site, path in ((tutorial, "/chat/lobby/"), (press, "/"))]
    assert [page.status for page in pages] == [200, 200]
    assert ["<title>Press</title>" in page.text for page in pages] == [False, True]
    assert (await HttpClient(tutorial.address).get("/texts/")).status == 404
    cookies = pages[1].headers["set-cookie"]
    assert "sessionid=" in cookies
    assert "domain" not in cookies.lower()
    async with (
        socket(tutorial.address, "/ws/chat/lobby/") as one,
        socket(tutorial.address, "/ws/chat/lobby/") as other,
        socket(press.address, "/ws/desk/") as desk,
    ):
        await desk.send(json.dumps({"text": "on the desk"}))
        assert await heard(desk) == {"mine": 1}, "its worker has printed it, and answered by the channel's name"
        assert await heard(desk) == {"printed": 1, "text": "ON THE DESK"}
        await one.send(json.dumps({"message": "here alone"}))
        assert [await heard(one), await heard(other)] == [{"message": "here alone"}] * 2
    assert "here alone" in (await HttpClient(tutorial.address).get("/chat/lobby/")).text
    shown = (await HttpClient(press.address).get("/")).text
    assert ("ON THE DESK" in shown, "here alone" in shown) == (True, False)
    assert tutorial.stack.state["redis_pid"] != press.stack.state["redis_pid"]


async def test_a_drain_of_one_leaves_the_other(sites: tuple[Site, Site]) -> None:
    """Its sockets end with 1012; those of the other stay, and so do its processes."""
    tutorial, press = sites
    before = press.processes
    async with socket(tutorial.address, "/ws/chat/lobby/") as one, socket(press.address, "/ws/desk/") as other:
        for instance in ("web-1", "web-2"):
            done = await asyncio.to_thread(parley, "drain", instance, *tutorial.options)
            assert done.returncode == 0, done.stdout + done.stderr
        async with asyncio.timeout(PATIENCE):
            await one.wait_closed()
        assert one.close_code == 1012
        await (await other.ping())
    assert press.processes == before


def test_a_port_that_the_other_has_is_refused(sites: tuple[Site, Site], tmp_path: Path) -> None:
    """Before anything is made, by who has it: its command line names the site's folder."""
    tutorial, press = sites
    nginx, port = press.stack.state["nginx_pid"], str(press.stack.state["port"])
    options = ("--project", str(tutorial.folder), "--dir", str(tmp_path / "state"))
    done = parley("up", "--port", port, *options)
    assert done.returncode == 2
    assert re.fullmatch(
        rf"parley: port \d+ is in use on 127\.0\.0\.1 by process {nginx}, nginx: master process .*"
        rf"{re.escape(str(press.stack.directory))}.*: choose another\n",
        done.stderr,
    )
    assert list(tmp_path.iterdir()) == []
