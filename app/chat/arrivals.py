"""Notes which guests opened a socket: who never did is deleted after a day (accounts/cleanup.py)."""

import asyncio
from contextvars import Context

from accounts.services import guests_arrive
from chat.log import DatabaseThread, Unavailable
from parley_serving.cancellation import end

MOST = 256  # guests of one statement: a storm of them is a few statements
AGAIN_SECONDS = 1.0  # after a lock, or while the database is away: nobody waits for the note


class Arrivals:
    """Writes on a thread what many sockets say at once; nobody waits for it, and nothing is given up."""

    def __init__(self, thread: DatabaseThread) -> None:
        self._thread = thread
        self._new: set[int] = set()
        self._noting: asyncio.Task[None] | None = None

    def add(self, guest: int) -> None:
        """Note this one soon."""
        self._new.add(guest)
        if self._noting is None:
            self._noting = asyncio.get_running_loop().create_task(self._note(), context=Context())

    async def _note(self) -> None:
        try:
            while self._new:
                people = list(self._new)[:MOST]
                try:
                    await self._thread.run(guests_arrive, people)
                except Unavailable:
                    await asyncio.sleep(AGAIN_SECONDS)
                else:
                    self._new.difference_update(people)
        finally:
            self._noting = None

    async def close(self) -> None:
        """Stop."""
        if self._noting is not None:
            await end([self._noting])
