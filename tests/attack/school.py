"""A school: 250 people behind one address, and two of them who guess passwords and flood."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable
from contextlib import asynccontextmanager
from typing import Any

from deploy.effects.client.address import Address
from deploy.effects.client.http_client import HttpClient
from deploy.effects.client.websocket_client import Socket
from tests.waiting import PATIENCE

SCHOOL = 250
AT_ONCE = 20  # people who press the button at the same moment
LINES = ("v4", "v6")  # each of them has its own people
PASSWORD = "correct horse battery"
PUPILS = f"""
from accounts.models import User
from django.contrib.auth.hashers import make_password
password = make_password({PASSWORD!r})
User.objects.bulk_create(
    User(username=f"{{line}}-{{n}}", name=f"Pupil {{n}}", password=password)
    for line in {LINES} for n in range({SCHOOL})
)
"""
Way = Callable[[int], Address]  # how somebody with this number reaches the site


class Attackers:
    """Two clients behind the line of others: one guesses passwords, one floods everything that makes people."""

    def __init__(self, way: Way) -> None:
        self.way = way
        self.guesses = 0
        self.flood: Counter[int] = Counter()  # statuses
        self.locked = asyncio.Event()
        self.has_flooded = asyncio.Event()

    async def guess(self, most: int) -> None:
        """Try a wrong password for one name after the other."""
        client = HttpClient(self.way(9999), timeout=PATIENCE)  # in the line for passwords, behind those of others
        while self.guesses < most:
            if await tried(client, f"nobody-{self.guesses}"):
                self.locked.set()
            self.guesses += 1

    async def come(self, number: int) -> None:
        """Come as a guest, in a new browser each time, for ever."""
        while True:
            visitor = HttpClient(self.way(10_000 + number), timeout=PATIENCE)
            reply = await visitor.post("/accounts/guest/", {"name": "Flood"})
            self.flood[reply.status] += 1
            if reply.status == 429:
                self.has_flooded.set()


async def tried(client: HttpClient, username: str) -> bool:
    """Try a wrong password; say whether there were too many tries."""
    reply = await client.post("/accounts/login/", {"username": username, "password": "a guess"})
    assert reply.status == 400
    return "Too many tries" in reply.text


@asynccontextmanager
async def under_way(*attacks: Coroutine[Any, Any, None]) -> AsyncIterator[None]:
    """Run attacks beside the block; one that fails fails the test."""
    tasks = [asyncio.create_task(attack) for attack in attacks]
    try:
        yield
        for task in tasks:
            if task.done():
                task.result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def log_in_all(way: Way, line: str, people: Iterable[int] = range(SCHOOL)) -> list[str]:
    """Log the whole school in, or some of it, so many at once, in new browsers; return their cookies."""
    at_once = asyncio.Semaphore(AT_ONCE)

    async def one(number: int) -> str:
        async with at_once:
            return await HttpClient(way(number), timeout=PATIENCE).login(f"{line}-{number}", PASSWORD)

    return await asyncio.gather(*(one(number) for number in people))


async def drained(socket: Socket) -> None:
    """Wait until the server asks to come back, and obey."""
    frame = await socket.expect("drain", 60)
    await asyncio.sleep(frame["within_ms"] / 2000)
    await socket.close()
