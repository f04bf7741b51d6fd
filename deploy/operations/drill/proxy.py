"""A TCP proxy that can cut its links without a FIN, as a lost network does, and mend them again."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

CHUNK = 65_536


class Proxy:
    """While cut nothing goes through, no byte and no end; what was under way then arrives late, as with TCP."""

    def __init__(self, host: str, port: int) -> None:
        self.host, self.port = host, port  # where to
        self.listen: tuple[str, int] = ("127.0.0.1", 0)
        self.links = 0
        self._whole = asyncio.Event()
        self._whole.set()
        self._back = asyncio.Event()
        self._back.set()
        self._serving: set[asyncio.Task[None]] = set()

    def cut(self) -> None:
        """Let nothing through from now on; new links are accepted and lead nowhere."""
        self._whole.clear()

    def mute(self) -> None:
        """Let nothing back to the clients from now on; what they send still arrives."""
        self._back.clear()

    async def drop(self) -> None:
        """End every link, with whatever is under way on it."""
        links = tuple(self._serving)
        for link in links:
            link.cancel()
        if links:
            await asyncio.wait(links)

    def mend(self) -> None:
        """Let everything through again."""
        self._whole.set()
        self._back.set()

    def accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Carry a new link in a task of its own."""
        link = asyncio.ensure_future(self.serve(reader, writer))
        self._serving.add(link)
        link.add_done_callback(self._serving.discard)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Carry one link until both sides ended."""
        self.links += 1
        try:
            await self._whole.wait()
            there, back = await asyncio.open_connection(self.host, self.port)
            try:
                async with asyncio.TaskGroup() as pumps:
                    pumps.create_task(self._pump(reader, back, self._whole))
                    pumps.create_task(self._pump(there, writer, self._back))
            finally:
                back.close()
        except OSError:
            pass  # nobody there: the client sees its link close
        finally:
            self.links -= 1
            writer.close()

    async def _pump(self, source: asyncio.StreamReader, target: asyncio.StreamWriter, way: asyncio.Event) -> None:
        with suppress(OSError):
            while data := await source.read(CHUNK):
                await self._whole.wait()
                await way.wait()
                target.write(data)
                await target.drain()
        await self._whole.wait()
        target.close()


@asynccontextmanager
async def proxy_to(host: str, port: int) -> AsyncIterator[Proxy]:
    """Run a proxy to this address on a free port of loopback (`proxy.listen`)."""
    proxy = Proxy(host, port)
    server = await asyncio.start_server(proxy.accept, "127.0.0.1", 0)
    proxy.listen = server.sockets[0].getsockname()
    try:
        yield proxy
    finally:
        server.close()
        await proxy.drop()
