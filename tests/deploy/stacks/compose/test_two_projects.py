"""Two projects of other people on one host, behind one nginx that has port 443: nothing of one is in the other."""

import asyncio
import json
import re
import secrets
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from ipaddress import ip_network
from pathlib import Path

import pytest

from deploy.effects import files
from deploy.effects.client.address import Address
from deploy.effects.client.http_client import HttpClient
from deploy.model.config import load
from deploy.stacks.compose.project import home
from tests.deploy.stacks.compose.served import Served, heard, socket
from tests.deploy.stacks.compose.stack import FILE, command, running_compose
from tests.ends import codes, ends_of
from tests.foreign import copied, digest, parley
from tests.in_front import Proxy, needs
from tests.running import free_port

pytestmark = [pytest.mark.docker, pytest.mark.own_stack, pytest.mark.release, pytest.mark.timeout(900)]

PRESS = (
    'asgi = "press.asgi:application"\nsettings = "press.settings"\nlayer = "core"\ndatabase = "sqlite"\n'
    '[project.env]\nREDIS_URL = "{layer_url}"\n'
    '[project.processes]\nchannels = {run = "manage.py runworker prints"}\n'
)
SITES = {
    "tutorial": ('asgi = "mysite.asgi:application"\nsettings = "mysite.settings"\n', "/chat/lobby/", "/ws/chat/lobby/"),
    "press": (PRESS, "/", "/ws/desk/"),
}


@contextmanager
def served(name: str, folder: Path, front: int, port: int) -> Iterator[Served]:
    """Serve one on a subnet of its own, with the table of docs/behind-a-proxy.md."""
    project, page, path = SITES[name]
    some = secrets.token_bytes(2)
    subnet = ip_network(f"10.{some[0]}.{some[1]}.0/24")
    site = (
        f'[site]\nname = "{name}"\ntls = "none"\npublic = "https://{name}.localhost:{front}"\n'
        f'subnets = ["{subnet}"]\ntrusted_proxies = ["{subnet[1]}"]\n'
    )
    copied(name, folder / name, f"{site}[project]\n{project}")
    before = digest(folder / name)
    root = home(load(project=folder / name))
    assert root
    try:
        rendered = parley("render", "compose", "--project", str(folder / name))
        assert rendered.returncode == 0, rendered.stderr
        with running_compose(2, root, PARLEY_PORT=str(port)) as running:
            yield Served(running, folder / name, page, (path,))
    finally:
        files.remove(root.parent)
    assert digest(folder / name) == before


@pytest.fixture(scope="module")
def sites(
    engine: None, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[tuple[Served, Address], tuple[Served, Address]]]:
    """Both, and the way of a visitor to each."""
    needs("nginx")
    folder = tmp_path_factory.mktemp("two")
    front, first, second = free_port(), free_port(), free_port()
    proxy = Proxy(
        "nginx",
        folder / "front",
        front,
        first,
        heading="Two sites, one nginx in front",
        sites={
            "chat.example.com": ("tutorial.localhost", first),
            "shelf.example.com": ("press.localhost", second),
        },
    )
    with (
        proxy.running(),
        served("tutorial", folder, front, first) as tutorial,
        served("press", folder, front, second) as press,
    ):
        ways = [Address.at(f"https://{name}.localhost:{front}").through("127.0.0.1", front) for name in SITES]
        yield (tutorial, ways[0]), (press, ways[1])


Sites = tuple[tuple[Served, Address], tuple[Served, Address]]


def containers(served: Served) -> list[tuple[str, str]]:
    """Give its containers with their starts."""
    return [(one["Id"], one["State"]["StartedAt"]) for one in served.compose.containers()]


async def test_each_has_its_own_pages_sockets_and_cookies(sites: Sites) -> None:
    """By its name alone; what one says is not heard in the other, whose Redis, prefix and database are others."""
    (tutorial, chat), (press, desk) = sites
    page = await HttpClient(desk).get("/")
    assert (page.status, "<title>Press</title>" in page.text) == (200, True)
    assert "sessionid=" in page.headers["set-cookie"]
    assert "domain" not in page.headers["set-cookie"].lower()
    assert (await HttpClient(chat).get("/texts/")).status == 404
    async with socket(chat, "/ws/chat/lobby/") as one, socket(desk, "/ws/desk/") as other:
        await one.send(json.dumps({"message": "in the chat"}))
        assert await heard(one) == {"message": "in the chat"}
        await other.send(json.dumps({"text": "on the desk"}))
        assert await heard(other) == {"mine": 1}
    assert "in the chat" in (await HttpClient(chat).get("/chat/lobby/")).text
    shown = (await HttpClient(desk).get("/")).text
    assert ("ON THE DESK" in shown, "in the chat" in shown) == (True, False)
    names = [{one["Name"] for one in site.compose.containers()} for site in (tutorial, press)]
    assert not names[0] & names[1]
    ask = "from django.conf import settings; print(settings.CHANNEL_LAYERS['default']['CONFIG']['prefix'])"
    prefixes = [site.manage("shell", "-c", ask).splitlines()[-1] for site in (tutorial, press)]
    assert len(set(prefixes)) == 2


async def test_a_drain_and_a_rollout_of_one_leave_the_other(sites: Sites) -> None:
    """Its sockets end with 1012; those of the other stay, and so do its containers."""
    (tutorial, chat), (press, desk) = sites
    before = containers(press)
    async with socket(desk, "/ws/desk/") as stays:
        for words in (("drain", tutorial.stack.instances()[0].name), ("rollout", "--again")):
            people = [await socket(chat, "/ws/chat/lobby/") for _ in range(20)]
            ends = asyncio.create_task(ends_of(people, timeout=600))
            done = await asyncio.to_thread(tutorial.parley, *words)
            assert done.returncode == 0, done.stdout + done.stderr
            for one in people:
                await one.close()
            assert set(codes(await ends)) <= {1012, 1000}
            assert 1012 in codes(await ends)
        await (await stays.ping())
        assert containers(press) == before
        assert (await HttpClient(desk).get("/")).status == 200


def test_a_port_that_the_other_has_is_refused(sites: Sites) -> None:
    """By Docker, which names it; and Docker knows whose it is."""
    (tutorial, _), (press, _) = sites
    port = press.compose.variables["PARLEY_PORT"]
    edge = press.compose.containers("edge")[0]["Name"].removeprefix("/")
    before = containers(press)
    env = {**tutorial.compose.variables, "PARLEY_PORT": port}
    up = ("docker", "compose", "--file", FILE, "up", "--detach", "--no-deps", "edge")
    try:
        done = subprocess.run(up, cwd=tutorial.compose.root, env=env, capture_output=True, text=True, check=False)
        assert done.returncode
        assert re.search(rf"127\.0\.0\.1:{port} failed: port is already allocated", done.stderr), done.stderr
        assert command("docker", "ps", f"--filter=publish={port}", "--format={{.Names}}").split() == [edge]
        assert containers(press) == before
    finally:
        tutorial.compose.compose("up", "--detach", "--wait")
