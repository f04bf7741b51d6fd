"""What a school does in its own network, with attackers in it: `python -m tests.attack.neighbours`.

It runs in a network namespace, is told where the site is as JSON, and prints what came of it as JSON.
"""

import asyncio
import contextlib
import json
import os
import re
import signal
import sys
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from websockets.exceptions import ConnectionClosed, InvalidStatus

from accounts import limits
from deploy.effects.client.address import Address
from deploy.effects.client.http_client import HttpClient
from deploy.effects.client.websocket_client import connect
from tests.attack.school import PASSWORD, SCHOOL, Attackers, Way, drained, log_in_all, tried, under_way
from tests.waiting import PATIENCE

CLASS = 30  # of the school: so many log in again where somebody has locked the address for who is new
FLOODS = 4  # browsers of the one who floods
PAGE = b"GET /accounts/login/ HTTP/1.1\r\nHost: %s\r\n\r\n"


@dataclass
class Neighbours:
    """The people behind one address, and what came of their attacks."""

    way: Way
    line: str
    nginx: int  # its reload has everybody come back
    pages: Counter[int] = field(default_factory=Counter)  # statuses
    frames: Counter[int] = field(default_factory=Counter)  # codes that a socket was closed with, and statuses

    async def run(self) -> dict[str, Any]:
        """Log in, chat, come back, and log a class in again, with attackers beside it; return the counts."""
        attackers = Attackers(self.way)
        flood = await HttpClient(self.way(0), timeout=PATIENCE).guest("Flood")
        async with under_way(self.flood_frames(flood), *(attackers.come(number) for number in range(FLOODS))):
            teacher, cookie = HttpClient(self.way(0), timeout=PATIENCE), ""
            await self.come(teacher)
            guesser = HttpClient(self.way(0), timeout=PATIENCE)
            locked = [await tried(guesser, f"{self.line}-0") for _ in range(limits.TRIES_PER_PERSON + 1)]
            async with under_way(self.guess_on(guesser)):
                cookie = await self.come(teacher)
                cookies = [cookie, *await log_in_all(self.way, self.line, range(1, SCHOOL))]
            async with under_way(attackers.guess(10**6)):
                async with under_way(*(self.flood_pages() for _ in range(FLOODS))):
                    came_back = await self.chat(cookies)
                await attackers.locked.wait()
                again = [await self.come(teacher), *await log_in_all(self.way, self.line, range(1, CLASS))]
            await attackers.has_flooded.wait()
        return {
            "locked": locked,
            "logged in": [len(set(cookies)), len(set(again))],
            "came back": came_back,
            "guests": attackers.flood,
            "pages": self.pages,
            "frames": self.frames,
        }

    async def come(self, teacher: HttpClient) -> str:
        """Log the first of them in, in the browser that keeps who came in with it; return the cookies."""
        teacher.cookies.pop("sessionid", None)
        return await teacher.login(f"{self.line}-0", PASSWORD)

    async def guess_on(self, guesser: HttpClient) -> None:
        """Guess the password of the first of them for ever, with the name locked."""
        while True:
            assert await tried(guesser, f"{self.line}-0")

    async def chat(self, cookies: list[str]) -> int:
        """Have everybody write, and write again once nginx was reloaded; return how many came back."""
        everybody = asyncio.Barrier(SCHOOL + 1)
        async with asyncio.TaskGroup() as group:
            people = [group.create_task(self.stay(cookie, everybody)) for cookie in cookies]
            await everybody.wait()
            os.kill(self.nginx, signal.SIGHUP)
        return sum(one.result() for one in people)

    async def stay(self, cookie: str, everybody: asyncio.Barrier) -> bool:
        """Chat until asked to come back, and chat on."""
        async with connect(self.way(0), cookie) as socket:
            await socket.welcome()
            await socket.join("lobby")
            await socket.echo("lobby", "here")
            await everybody.wait()
            await drained(socket)
        async with connect(self.way(0), cookie) as socket:
            await socket.welcome()
            await socket.join("lobby")
            return await socket.echo("lobby", "back") > 0

    async def flood_frames(self, cookie: str) -> None:
        """Send pongs as fast as the wire takes them, until the socket is closed; again and again, held or not."""
        while True:
            try:
                async with connect(self.way(0), cookie) as socket:
                    await socket.welcome()
                    with contextlib.suppress(ConnectionClosed):
                        while True:
                            await socket.connection.pong()
                            await asyncio.sleep(0)  # so that it notices the close
                    self.frames[await socket.closed()] += 1
            except InvalidStatus as refused:
                self.frames[refused.response.status_code] += 1

    async def flood_pages(self) -> None:
        """Ask for pages on one connection, each as soon as the one before it was answered."""
        address = self.way(0)
        assert address.via
        while True:
            reader, writer = await asyncio.open_connection(
                *address.via, ssl=address.tls, server_hostname=address.hostname
            )
            with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):  # nginx ends it after 1000
                while True:
                    writer.write(PAGE % address.host.encode())
                    head = await reader.readuntil(b"\r\n\r\n")
                    self.pages[int(head.split()[1])] += 1
                    await take_body(reader, head)
            writer.close()


async def take_body(reader: asyncio.StreamReader, head: bytes) -> None:
    """Read the body of an answer."""
    if length := re.search(rb"(?i)\r\ncontent-length: (\d+)", head):
        await reader.readexactly(int(length[1]))
        return
    while size := int(await reader.readline(), 16):
        await reader.readexactly(size + 2)
    await reader.readline()


def main(told: dict[str, Any]) -> None:
    """Do it all, and print the counts."""
    address = Address.at(told["url"]).through(told["host"], told["port"])

    async def run() -> dict[str, Any]:
        asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(64))  # of requests at once
        async with asyncio.timeout(told["seconds"]):
            return await Neighbours(lambda _: address, told["line"], told["nginx"]).run()

    sys.stdout.write(json.dumps(asyncio.run(run())))


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
