"""The log as the loop sees it: two threads with a kept connection each, one that stores and one that reads.

A writer that waits for a lock never holds up a reader (pitfalls B3), and the thread that Channels shares with
everything is left alone. Drafts that come while a transaction is under way go into the next one together: the busier
the process, the larger the batch, and a lone message waits for nothing.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Collection, Sequence
from typing import ParamSpec, TypeVar

from accounts.models import User
from chat.frames import fitting, with_entries
from chat.limits import CLAIM_SECONDS, CLAIMS
from chat.log import read
from chat.log.batch import Batched
from chat.log.store import Commit, Draft, Outcome, Stored, store
from chat.log.thread import DatabaseThread, Unavailable
from realtime.bucket import Bucket
from realtime.frame import Frame
from realtime.hub import Head

log = logging.getLogger(__name__)

BATCH_DRAFTS = 256  # a transaction this large still takes a few milliseconds
QUEUE_DRAFTS = 4_096  # beyond this the database is away, and a sender is told so at once

P = ParamSpec("P")
T = TypeVar("T")


class TooManyClaims(Exception):  # noqa: N818 (named for what happened; `rate_limited` on the wire)
    """Clients said too often that this room's log lost entries; `seconds` until the next such claim is taken."""

    def __init__(self, seconds: float) -> None:
        super().__init__(seconds)
        self.seconds = seconds


class Log:
    """Stores drafts in batches and reads; `committed` is told what a transaction added, after its commit."""

    def __init__(self, committed: Callable[[Commit], None]) -> None:
        self._committed = committed
        self._queue: deque[tuple[Draft, asyncio.Future[Stored]]] = deque()
        self._storing: asyncio.Task[None] | None = None
        self._writer = DatabaseThread("log-store")
        self._reader = DatabaseThread("log-read")
        self._claims: dict[int, Bucket] = {}  # by room: at most as many as there are rooms
        self._joins = Batched(self._reader, read.joins)

    # Storing

    def append(self, draft: Draft) -> asyncio.Future[Stored]:
        """Queue a draft; the future gives where it was stored, or raises Refused or Unavailable."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Stored] = loop.create_future()
        if len(self._queue) >= QUEUE_DRAFTS:
            future.set_exception(Unavailable("too many drafts wait for the database"))
            return future
        self._queue.append((draft, future))
        if self._storing is None:
            self._storing = loop.create_task(self._store_all())
        return future

    async def _store_all(self) -> None:
        """Store until the queue is empty."""
        try:
            while self._queue:
                batch = [self._queue.popleft() for _ in range(min(BATCH_DRAFTS, len(self._queue)))]
                await self._store(batch)
        finally:
            self._storing = None

    async def _store(self, batch: Sequence[tuple[Draft, asyncio.Future[Stored]]]) -> None:
        outcomes: Sequence[Outcome | Unavailable]
        try:
            outcomes, commits = await self._writer.run(store, [draft for draft, _ in batch])
        except Unavailable as error:
            outcomes, commits = [error] * len(batch), []
        except Exception as error:  # whatever it was, each sender is answered and the next batch is stored
            log.exception("a batch could not be stored")
            outcomes, commits = [Unavailable(str(error))] * len(batch), []
        for commit in commits:
            try:
                self._committed(commit)
            except Exception:
                log.exception("room %s: what was stored could not be told; the poll tells it", commit.room)
        for (_, future), outcome in zip(batch, outcomes, strict=True):
            if future.cancelled():
                continue
            if isinstance(outcome, Stored):
                future.set_result(outcome)
            else:
                future.set_exception(outcome)

    # Reading

    async def ask(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run somebody's reading in order with the log's own: after a join that was asked for before."""
        return await self._reader.run(work, *args, **kwargs)

    async def join(self, *, user: User, slug: str, after: int | None, epoch: str | None) -> read.Joined:
        """Read a room for somebody who enters it; raise NoSuchRoom, NotAllowed, TooManyClaims or Unavailable."""
        asked = read.Asked(user, slug, after, epoch)
        answer = await self._joins.ask(asked)
        if isinstance(answer, read.Ahead) and after is not None and epoch is not None:
            bucket = self._claims.setdefault(answer.room, Bucket(rate=1 / CLAIM_SECONDS, burst=CLAIMS))
            if wait := bucket.take():
                raise TooManyClaims(wait)
            await self.renew(answer.room, epoch, below=after)
            answer = await self._joins.ask(asked)  # of an epoch that is over now
        if isinstance(answer, read.Joined):
            return answer
        raise answer or Unavailable("a join was not answered")

    async def page(self, **asked: object) -> read.Page:
        """See read.page."""
        return await self._reader.run(read.page, **asked)  # type: ignore[arg-type]  # keywords pass through

    async def read(self, room: int, epoch: str, after: int, limit: int) -> list[bytes]:
        """See read.entries_after."""
        return await self._reader.run(read.entries_after, room, after, limit, epoch=epoch)

    async def heads(self, rooms: Collection[int]) -> dict[int, Head]:
        """See read.heads."""
        return await self._reader.run(read.heads, list(rooms))

    async def renew(self, room: int, epoch: str, below: int) -> None:
        """See read.renew."""
        await self._reader.run(read.renew, room, epoch, below)

    def frames(self, room: str, entries: Sequence[bytes]) -> list[Frame]:
        """Put entries into as few `entries` frames as the frame limit allows."""
        frames = []
        while entries:
            number = fitting(entries)
            frames.append(Frame(with_entries("entries", entries[:number], room=room), number))
            entries = entries[number:]
        return frames

    async def close(self) -> None:
        """Finish what is queued, and let the threads and their connections go."""
        if self._storing is not None:
            await self._storing
        for thread in (self._writer, self._reader):
            await thread.close()
