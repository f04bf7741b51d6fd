"""A site in front of the fake server: it answers the log-in page and the guest form, and passes sockets on."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from http.cookies import SimpleCookie
from urllib.parse import parse_qs

from deploy.effects.client.address import Address
from tests.deploy.operations.drill.fake import Fake


class Front:
    """Checks what Django would: the token of the form against the cookie's, and where the form came from."""

    def __init__(self, fake: Fake) -> None:
        self.fake = fake
        self.address = Address.at("http://127.0.0.1:1")
        self.guests: list[str] = []
        self.open = True

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError, asyncio.IncompleteReadError):
            head = await reader.readuntil(b"\r\n\r\n")
            lines = head.decode().split("\r\n")
            headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines[1:])}
            if "upgrade" in headers:
                await self.pass_on(head, reader, writer)
            else:
                body = await reader.readexactly(int(headers.get("content-length", 0)))
                writer.write(self.answer(lines[0], headers, body.decode()).encode())
                await writer.drain()
        writer.close()

    def answer(self, line: str, headers: dict[str, str], body: str) -> str:
        if line.startswith("GET /accounts/login/ "):
            return reply("200 OK", "Set-Cookie: csrftoken=token; Path=/; Secure")
        if not line.startswith("POST /accounts/guest/ "):
            return reply("404 Not Found")
        form = parse_qs(body)
        cookie = SimpleCookie(headers.get("cookie", "")).get("csrftoken")
        ours = headers.get("origin") == self.address.origin and headers["referer"].startswith(self.address.origin)
        if not self.open or not ours or cookie is None or form["csrfmiddlewaretoken"] != [cookie.value]:
            return reply("403 Forbidden")
        self.guests += form["name"]
        return reply("302 Found", "Set-Cookie: sessionid=s; HttpOnly; Path=/", "Location: /")

    async def pass_on(self, head: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_connection(self.fake.address.hostname, self.fake.address.port)
        back.write(head)
        async with asyncio.TaskGroup() as pumps:
            pumps.create_task(pump(reader, back))
            pumps.create_task(pump(there, writer))


async def pump(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while data := await source.read(65_536):
            target.write(data)
    target.close()


def reply(status: str, *headers: str) -> str:
    return "\r\n".join([f"HTTP/1.1 {status}", *headers, "Content-Length: 0", "Connection: close", "", ""])


@asynccontextmanager
async def front_of(fake: Fake) -> AsyncIterator[Front]:
    """Serve on a free port of loopback."""
    front = Front(fake)
    links: set[asyncio.Task[None]] = set()

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.ensure_future(front.serve(reader, writer))
        links.add(task)
        task.add_done_callback(links.discard)

    server = await asyncio.start_server(accept, "127.0.0.1", 0)
    front.address = Address.at(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}")
    try:
        yield front
    finally:
        server.close()
        for link in tuple(links):
            link.cancel()
        if links:
            await asyncio.wait(tuple(links))
