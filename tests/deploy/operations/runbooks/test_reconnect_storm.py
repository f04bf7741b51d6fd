"""docs/runbooks/reconnect-storm.md, on a real one: more sockets of one address at once than the default lets in."""

import asyncio
import random
import time
from dataclasses import dataclass, field

import pytest
from websockets.exceptions import InvalidStatus

from deploy.effects.client.address import Address
from deploy.effects.client.http_client import guest
from deploy.effects.client.websocket_client import connect
from deploy.model.config import load
from tests.deploy.operations.runbooks.book import Book
from tests.deploy.stacks.compose.stack import RunningCompose
from tests.waiting import PATIENCE

LIMITS = load(env="compose").nginx
PEOPLE = LIMITS.sockets_per_address + 10  # however slowly they come, not all of them are let in
IMPATIENT = 30  # who go away again: then there is room for the others, and for the doctor
TOO_MANY = 429
BASE, CAP = 0.5, 4.0  # a page waits like this, with 30 s at most: app/chat/static/chat/backoff.js


@dataclass
class Storm:
    """Everybody who comes, and what they were told."""

    address: Address
    cookie: str
    refused: list[int] = field(default_factory=list)
    came: int = 0
    first_refused: asyncio.Event = field(default_factory=asyncio.Event)
    all_came: asyncio.Event = field(default_factory=asyncio.Event)
    over: asyncio.Event = field(default_factory=asyncio.Event)

    async def visit(self, until: asyncio.Event) -> None:
        """Come in as a page does, with full jitter after each refusal, and stay."""
        ceiling = BASE
        while True:
            try:
                async with connect(self.address, self.cookie) as socket:
                    await socket.welcome()
                    self.came += 1
                    if self.came == PEOPLE:
                        self.all_came.set()
                    await until.wait()
                    return
            except InvalidStatus as answer:
                self.refused.append(answer.response.status_code)
                self.first_refused.set()
            await asyncio.sleep(random.uniform(0, ceiling))
            ceiling = min(CAP, 2 * ceiling)


@pytest.mark.docker
@pytest.mark.runbook("reconnect-storm", "compose")
async def test_a_storm_passes(book: Book, compose: RunningCompose) -> None:
    """Those whom nginx refuses are in its log with 429, and are in a few seconds later; then all is well."""
    storm = Storm(compose.address, await guest(compose.address, "Everybody"))
    told = asyncio.Event()
    async with asyncio.timeout(PATIENCE), asyncio.TaskGroup() as tasks:
        for number in range(PEOPLE):
            tasks.create_task(storm.visit(told if number < IMPATIENT else storm.over))
        await storm.first_refused.wait()
        await asyncio.to_thread(book.play, "Diagnosis", compose)
        told.set()
        await asyncio.to_thread(book.play, "Mitigation", compose)
        await storm.all_came.wait()
        last = time.monotonic()
        await asyncio.to_thread(book.play, "Verification", compose)
        storm.over.set()
    assert set(storm.refused) == {TOO_MANY}
    # The next test finds nginx's count as low as this one did.
    await asyncio.sleep(max(0.0, last + LIMITS.handshakes_burst / LIMITS.handshakes_per_second - time.monotonic()))
