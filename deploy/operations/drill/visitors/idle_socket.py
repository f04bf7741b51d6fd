"""A socket that says nothing, and comes back as a page with reconnect.js does."""

import asyncio
import random
import time
from types import TracebackType
from typing import Self

from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus

from deploy.effects.client.address import Address
from deploy.effects.client.websocket_client import connect
from deploy.operations.drill.notifier import Notifier
from deploy.operations.drill.timeouts import Patience
from deploy.operations.drill.visitors.events import NO_CLOSE_FRAME, Ended, Event, Life, Opened, Refused

ENTER_SECONDS = 1.0  # in which all of them open their first: a handshake each takes this process some milliseconds
STABLE_SECONDS = 5.0  # a socket that lived so long ends the patience that the tries before it had taught


class IdleSocket:
    """One socket at a path, from `async with` to the end of it; it notifies at each event."""

    def __init__(
        self, name: str, address: Address, path: str, *, notifier: Notifier, patience: Patience, rng: random.Random
    ) -> None:
        self.life = Life(name)
        self.address, self.path = address, path
        self.notifier, self.patience, self.rng = notifier, patience, rng
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self._live(), name=f"socket {self.life.name}")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
        if not self._task:
            return
        await asyncio.wait([self._task])
        if not self._task.cancelled() and (broken := self._task.exception()):
            raise broken

    def stop(self) -> None:
        """Begin to leave."""
        if self._task:
            self._task.cancel()

    async def _live(self) -> None:
        await asyncio.sleep(self.rng.uniform(0, ENTER_SECONDS))
        tries = 0
        while True:
            began = time.monotonic()
            code = await self._once()
            tries = 0 if code is not None and time.monotonic() - began > STABLE_SECONDS else tries + 1
            await asyncio.sleep(self.patience.pause(tries, code, self.rng))

    async def _once(self) -> int | None:
        """Live through one connection and give its close code; None when it came to nothing."""
        try:
            async with connect(self.address, None, timeout=self.patience.handshake, path=self.path) as socket:
                self._note(Opened())
                code = await close_code(socket.connection)
                self._note(Ended(code))
                return code
        except TimeoutError:
            self._note(Refused("given up"))
        except InvalidStatus as refused:
            status = refused.response.status_code
            self._note(Refused(f"status {status}", status))
        except (OSError, InvalidHandshake) as error:
            self._note(Refused(type(error).__name__))
        return None

    def _note(self, event: Event) -> None:
        self.life.events.append(event)
        self.notifier.notify()


async def close_code(connection: ClientConnection) -> int:
    """Read, whatever comes, until the server closes, and give its code."""
    try:
        while True:
            await connection.recv()
    except ConnectionClosed as closed:
        return closed.rcvd.code if closed.rcvd else NO_CLOSE_FRAME
