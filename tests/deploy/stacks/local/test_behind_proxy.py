"""Behind another proxy: pages, forms, sockets and drains through each file of docs/behind-a-proxy.md."""

import asyncio
import os
import re
import signal
import subprocess
import sys
import tomllib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from deploy.effects.client.address import Address
from deploy.effects.client.http_client import HttpClient
from deploy.effects.client.websocket_client import Socket, connect
from deploy.model import capacity, rules
from deploy.model.config import Config
from tests.deploy.stacks.local.test_settings import doctor, examined
from tests.in_front import NAME, PAGE, Proxy, needs
from tests.running import RunningStack, changed_checkout, free_port, running_stack
from tests.waiting import PATIENCE

ROOM = "lobby"
VISITOR = "127.0.0.77"  # where a visitor of the proxy comes from
HTTPS = ("proxy_pass http://", "proxy_pass https://")
LIES = ("X-Forwarded-Proto $scheme", "X-Forwarded-Proto http")
PROXIES = [
    "nginx",
    pytest.param("caddy", marks=pytest.mark.release),
    pytest.param("haproxy", marks=pytest.mark.release),
]

pytestmark = [pytest.mark.stack, pytest.mark.timeout(240)]


class Served:
    """A stack with a proxy in front, and the ways to both."""

    def __init__(self, stack: RunningStack, front: subprocess.Popen[bytes], port: int, inner: int) -> None:
        self.stack, self.front, self.inner = stack, front, inner
        self.address = Address.at(f"https://{NAME}:{port}").through("127.0.0.1", port)


@asynccontextmanager
async def served(kind: str, folder: Path, *changed: tuple[str, str]) -> AsyncIterator[Served]:
    """Run both; the proxy's file may be another one than the page has."""
    needs(kind)
    port, inner = free_port(), free_port()
    changes = [
        ("parley.toml", 'public = "" ', f'public = "https://{NAME}:{port}" '),
        ("parley.toml", "trusted_proxies = [] ", 'trusted_proxies = ["127.0.0.1"] '),
    ]
    if HTTPS not in changed:
        changes.append(("parley.toml", 'tls = "own" ', 'tls = "none" '))
    root = changed_checkout(folder / "checkout", *changes)
    proxy = Proxy(kind, folder / "front", port, inner, *changed)
    with proxy.running() as front, running_stack(folder / "stack", "--port", str(inner), root=root) as stack:
        found = Served(stack, front, port, inner)
        async with asyncio.timeout(PATIENCE):
            while True:
                try:
                    (await asyncio.to_thread(found.address.dial, 1.0)).close()
                    break
                except OSError:
                    await asyncio.sleep(0.1)
        yield found


@asynccontextmanager
async def inside(address: Address, name: str) -> AsyncIterator[Socket]:
    """Come as a guest, by the form, and be in the room."""
    cookie = await HttpClient(address).guest(name)
    async with connect(address, cookie) as socket:
        await socket.welcome()
        await socket.join(ROOM)
        yield socket


@pytest.mark.parametrize("kind", PROXIES)
async def test_http_to_us(kind: str, tmp_path: Path) -> None:
    """What comes through a proxy that has the TLS is what comes over https: forms, cookies, sockets and their drain."""
    async with served(kind, tmp_path) as site:
        client = HttpClient(site.address)
        page = await client.get("/accounts/login/")
        assert page.status == 200
        assert "Secure" in page.headers["set-cookie"]
        assert "strict-transport-security" not in page.headers, "it is the proxy's to send"
        async with inside(site.address, "Ada") as ada, inside(site.address, "Bob") as bob:
            await ada.send_text(ROOM, "through it")
            assert (await bob.expect("entries"))["entries"][-1]["text"] == "through it"
        await seen_as(site, VISITOR)
        await redirected(site)
        said = examined(site.stack)
        assert said["own-origin-is-let-in"] == f"https://localhost:{site.address.port}: 101"
        assert said["public-address-answers"] == f"{site.address.origin} answers, and opens sockets"
        await drained(site)


async def seen_as(site: Served, visitor: str) -> None:
    """Have a visitor of the proxy counted under his own address."""
    front = f"{NAME}:{site.address.port}:127.0.0.1"
    way = ["curl", "--insecure", "--silent", "--interface", visitor, "--resolve", front]
    done = await asyncio.to_thread(
        subprocess.run,
        [*way, "--http2", "--write-out", "%{http_version}", "--output", "/dev/null", f"{site.address.origin}/seen/"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "2", "HTTP/2 in front"
    log = site.stack.directory / "log" / "access.log"
    async with asyncio.timeout(PATIENCE):  # nginx writes the line when it has answered
        while not (lines := [line for line in log.read_text().splitlines() if '"GET /seen/' in line]):  # noqa: ASYNC110
            await asyncio.sleep(0.05)
    assert [line.partition(" ")[0] for line in lines] == [visitor]


async def redirected(site: Served) -> None:
    """Who came to the proxy by plain http is sent to what people open, and not to our own port."""
    for said, status in (("http", 308), ("https", 200), ("", 200)):
        reader, writer = await asyncio.open_connection("127.0.0.1", site.inner)
        header = f"X-Forwarded-Proto: {said}\r\n" if said else ""
        writer.write(f"GET /accounts/login/ HTTP/1.1\r\nHost: {NAME}\r\n{header}Connection: close\r\n\r\n".encode())
        head = (await reader.read()).decode().partition("\r\n\r\n")[0]
        writer.close()
        assert head.split()[1] == str(status), head
        assert (f"location: {site.address.origin}/accounts/login/" in head.lower()) == (status == 308)


async def drained(site: Served) -> None:
    """An instance that drains asks its sockets to come back, through the proxy too; nothing is cut."""
    async with connect(site.address, await HttpClient(site.address).guest("Eve")) as socket:
        instance = (await socket.welcome())["instance"]
        await socket.join(ROOM)
        ended = asyncio.create_task(socket.closed(PATIENCE))
        command = (sys.executable, "-P", "-m", "deploy", "drain", instance, "--dir", str(site.stack.directory))
        env = os.environ | {"PYTHONPATH": str(site.stack.root)}
        process = await asyncio.create_subprocess_exec(*command, cwd=site.stack.root, env=env)
        assert await process.wait() == 0
        assert await ended == 1012


async def test_https_to_us_from_a_proxy_at_another_port(tmp_path: Path) -> None:
    """Origins and redirects are those of what people open."""
    async with served("nginx", tmp_path, HTTPS) as site:
        async with inside(site.address, "Ada") as ada:
            await ada.send_text(ROOM, "over https twice")
            assert (await ada.expect("entries"))["entries"][-1]["text"] == "over https twice"
        await seen_as(site, VISITOR)
        assert examined(site.stack)["http-is-sent-to-https"].startswith("HTTP/1.1 308")


@pytest.mark.release
async def test_tls_that_a_balancer_passes_through(tmp_path: Path) -> None:
    """It says who comes by the PROXY protocol; the certificate and HTTP/2 are Parley's."""
    needs("haproxy")
    port, inner, proxied = free_port(), free_port(), free_port()
    root = changed_checkout(
        tmp_path / "checkout",
        ("parley.toml", 'public = "" ', f'public = "https://{NAME}:{port}" '),
        ("parley.toml", "proxy_port = 0 ", f"proxy_port = {proxied} "),
        ("parley.toml", "trusted_proxies = [] ", 'trusted_proxies = ["127.0.0.1"] '),
    )
    proxy = Proxy("haproxy", tmp_path / "front", port, proxied, heading="A balancer that passes TLS through")
    with proxy.running() as front, running_stack(tmp_path / "stack", "--port", str(inner), root=root) as stack:
        site = Served(stack, front, port, inner)
        async with inside(site.address, "Ada") as ada:
            await ada.send_text(ROOM, "through and through")
            assert (await ada.expect("entries"))["entries"][-1]["text"] == "through and through"
        await seen_as(site, VISITOR)
        assert examined(stack)["public-address-answers"] == f"{site.address.origin} answers, and opens sockets"


async def test_a_redirect_without_end_is_named(tmp_path: Path) -> None:
    """As from a proxy that itself stands behind one that has the TLS."""
    async with served("nginx", tmp_path, LIES) as site:
        assert (await HttpClient(site.address).get("/")).headers["location"] == f"{site.address.origin}/"
        found = await asyncio.to_thread(doctor, site.stack, "--only", "public-address-answers")
        assert found.returncode == 1
        assert "redirects to itself: the proxy in front says X-Forwarded-Proto: http" in found.stdout


async def test_a_reload_of_the_proxy_costs_no_message(tmp_path: Path) -> None:
    """A socket lives on until the proxy's old worker cuts it, and who comes back resumes where it was."""
    async with served("nginx", tmp_path) as site:
        cookie = await HttpClient(site.address).guest("Ada")
        async with connect(site.address, cookie) as ada, inside(site.address, "Bob") as bob:
            await ada.welcome()
            epoch = (await ada.join(ROOM))["epoch"]
            before = (await ada.send_text(ROOM, "before the cut"))["seq"]
            site.front.send_signal(signal.SIGHUP)
            await ada.closed(PATIENCE)
            await bob.closed(PATIENCE)
        async with inside(site.address, "Eve") as eve:
            missed = (await eve.send_text(ROOM, "meanwhile"))["seq"]
        async with connect(site.address, cookie) as ada:
            await ada.welcome()
            joined = await ada.join(ROOM, after=before, epoch=epoch)
            assert joined["recovered"]
            assert [(one["seq"], one["text"]) for one in joined["entries"]] == [(missed, "meanwhile")]
            assert missed == before + 1


def test_each_table_of_the_page_is_a_model() -> None:
    """It breaks no rule, and has the address that people open in its origins."""
    tables = [tomllib.loads(text) for text in re.findall(r"```toml\n(.*?)```", PAGE.read_text(), re.DOTALL)]
    assert len(tables) == 5
    for table in tables:
        config = Config.model_validate(table)
        # The second of two sites is another one.
        assert config.site.origin(config.site.names[0]) == f"https://{table['site'].get('name', 'chat')}.example.com"
        assert rules.broken(config, capacity.capacity(config, 20_000)) == []
