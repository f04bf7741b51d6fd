"""Whom nginx sends where: to the site's own names, and to nothing that a client made up; through a real nginx."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from deploy.model.config import Config
from tests.running import free_port

Front = Any  # conftest.Front: a conftest cannot be imported
Fronts = Callable[..., Awaitable[Front]]

LONG = ".".join(["l" * 63] * 3 + ["l" * 61])  # the longest name that there may be
# The words that nginx's map knows, as hosts that somebody may have.
HOSTS = ["chat.example.com", "192.0.2.7", "2001:db8::7", "default", "hostnames", "volatile", "include", LONG]
OURS = ["localhost", "127.0.0.1", "[::1]", "chat.example.com", "192.0.2.7", "[2001:db8::7]", *HOSTS[3:]]
FOREIGN = ["evil.example", "chat.example.com.evil.example", "xchat.example.com", "_", "=default", "[::2]", "default.x"]


async def sent(port: int, host: str) -> tuple[int, str]:
    """Ask over plain http under a Host; return the status and where the answer leads."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(f"GET /rooms/?a=b HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode())
    head = (await reader.read()).partition(b"\r\n\r\n")[0].decode()
    writer.close()
    first, *lines = head.split("\r\n")
    headers = dict(line.split(": ", 1) for line in lines)
    return int(first.split()[1]), headers.get("Location", "")


async def test_plain_http_leads_to_the_sites_own_names_alone(fronts: Fronts) -> None:
    """A link with another name in it would otherwise be an answer of this site's."""
    http = free_port()
    config = Config.model_validate({"site": {"hosts": HOSTS, "port": 8443}})
    await fronts(config, http_listen=(f"127.0.0.1:{http}",))
    for name in OURS:
        assert await sent(http, name) == (308, f"https://{name}:8443/rooms/?a=b")
    for name in FOREIGN:
        assert await sent(http, name) == (421, "")


async def test_so_does_plain_http_on_the_https_port(fronts: Fronts) -> None:
    """With the port that the browser used, where it is one."""
    front = await fronts(Config.model_validate({"site": {"hosts": HOSTS}}))
    for name in OURS:
        assert await sent(front.port, f"{name}:8443") == (308, f"https://{name}:8443/rooms/?a=b")
        assert await sent(front.port, name) == (308, f"https://{name}/rooms/?a=b")
    for name in FOREIGN:
        assert await sent(front.port, name) == (421, "")
    for port in ("@evil.example", "1@evil.example", "443.evil.example", ":1@evil.example:443"):
        status, location = await sent(front.port, f"localhost:{port}")
        assert status in {308, 400}
        assert not location or location.startswith(("https://localhost/", "https://localhost:443/"))


@pytest.mark.parametrize(
    "path",
    ["", "?x=1", "#x", "/../staticfiles.json", "%2e%6a%73%6f%6e", "//"],
)
async def test_nobody_reads_the_list_of_files(front: Front, folder: Path, path: str) -> None:
    """Under no spelling; a file that it names is served."""
    (folder / "static" / "staticfiles.json").write_text('{"secret": 1}')
    (folder / "static" / "page.json").write_text("{}")
    name = f"staticfiles{path}" if path.startswith("%") else f"staticfiles.json{path}"
    for before in ("/static/", "/static//", "/static/./", "//static/", "/%73tatic/"):
        answer = await front.ask(before + name)
        assert answer.status in {400, 404}, before + name
        assert b"secret" not in answer.body
    assert (await front.ask("/static/page.json")).status == 200
