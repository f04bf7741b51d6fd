"""Honest people under attack: they join and send at a steady rate, and whatever refuses them is counted."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

from websockets.exceptions import InvalidHandshake, InvalidStatus

from deploy.effects.client.websocket_client import Hangup, Refused, Socket, connect
from deploy.operations.bench.load.delivery_account import percentile
from deploy.operations.bench.load.dialects import text
from deploy.operations.bench.load.elsewhere import Elsewhere, elsewhere
from deploy.operations.bench.load.plan import Plan
from deploy.operations.bench.options import HONEST

ROOM = "bench-0"
JOINS_PER_SECOND = 20.0  # each with a connection, TLS and a handshake of its own
SENDS_PER_SECOND = 40.0
HANDSHAKE_SECONDS = 5.0  # protocol.md: a client gives up a handshake then
LAST_SECONDS = 10.0  # after the measurement: what is not answered by then counts as refused
REFUSALS = (Refused, Hangup, InvalidHandshake, OSError)


class Person:
    """Somebody who is in the room, and comes in again when the socket ends."""

    def __init__(self, plan: Plan, index: int) -> None:
        self.index = index
        self.cookie = plan.cookies[index]
        self.address = elsewhere(plan, plan.endpoints[0].port)
        self.sockets = AsyncExitStack()
        self._socket: Socket | None = None

    async def entered(self) -> Socket:
        """Give a socket that is in the room; raises what refuses it."""
        if self._socket is None or self._socket.connection.close_code is not None:
            self._socket = await self.sockets.enter_async_context(joined(self.address, self.cookie))
        return self._socket


@asynccontextmanager
async def joined(address: Elsewhere, cookie: str) -> AsyncIterator[Socket]:
    """Connect, and be in the room; the connection is cut at the end."""
    async with connect(address, cookie, timeout=HANDSHAKE_SECONDS) as socket:
        await socket.welcome()
        await socket.join(ROOM)
        try:
            yield socket
        finally:
            socket.abort()


class Crowd:
    """All of them, and what it took them."""

    def __init__(self, plan: Plan) -> None:
        self.people = [Person(plan, index) for index in range(HONEST)]
        self.joins: list[float] = []
        self.sends: list[float] = []
        self.refused: Counter[str] = Counter()
        self._end = 0.0  # by the loop's clock

    @asynccontextmanager
    async def there(self) -> AsyncIterator["Crowd"]:
        """Have everybody in the room."""
        async with AsyncExitStack() as stack:
            for person in self.people:
                await stack.enter_async_context(person.sockets)
                await person.entered()
            yield self

    async def measure(self, seconds: float) -> None:
        """Join and send at their rates for so long, and wait for the answers."""
        start = asyncio.get_running_loop().time()
        self._end = start + seconds + LAST_SECONDS
        async with asyncio.TaskGroup() as group:
            for number in range(max(1, int(seconds * JOINS_PER_SECOND))):
                person = self.people[number % HONEST]
                group.create_task(self._join(person, start + number / JOINS_PER_SECOND))
            for person in self.people:
                group.create_task(self._send(person, start, seconds))

    def figures(self) -> dict[str, Any]:
        """Give what was measured, in milliseconds."""
        found: dict[str, Any] = {"joins": len(self.joins), "sends": len(self.sends)}
        for name, times in (("join", self.joins), ("send", self.sends)):
            for percent in (50, 99):
                found[f"{name}_p{percent}_ms"] = percentile(times, percent / 100) * 1e3
        return found | {"refused": self.refused.total(), "reasons": dict(self.refused)}

    async def _join(self, person: Person, due: float) -> None:
        await _until(due)
        async with self._timed(self.joins, due), joined(person.address, person.cookie):
            self.joins.append(asyncio.get_running_loop().time() - due)

    async def _send(self, person: Person, start: float, seconds: float) -> None:
        """Send one message after the other, each counted from when it was due."""
        every = HONEST / SENDS_PER_SECOND
        for number in range(max(1, int(seconds / every))):
            due = start + (number + person.index / HONEST) * every
            await _until(due)
            async with self._timed(self.sends, due):
                await (await person.entered()).send_text(ROOM, text(number))
                self.sends.append(asyncio.get_running_loop().time() - due)

    @asynccontextmanager
    async def _timed(self, times: list[float], due: float) -> AsyncIterator[None]:
        """Count what refuses the block; no answer is both a refusal and a time."""
        try:
            async with asyncio.timeout_at(self._end):
                yield
        except REFUSALS as error:
            self.refused[_reason(error)] += 1
            if isinstance(error, TimeoutError):
                times.append(asyncio.get_running_loop().time() - due)


async def _until(due: float) -> None:
    await asyncio.sleep(max(0.0, due - asyncio.get_running_loop().time()))


def _reason(error: BaseException) -> str:
    match error:
        case Refused():
            return error.code
        case Hangup():
            return f"closed {error.code}"
        case InvalidStatus():
            return str(error.response.status_code)
    return type(error).__name__
