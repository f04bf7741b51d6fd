"""The log as the loop sees it: two threads with a kept connection each, one that stores and one that reads.

A writer that waits for a lock never holds up a reader (pitfalls B3), and the thread that Channels shares with
everything is left alone. Drafts that come while a transaction is under way go into the next one together: the busier
the process, the larger the batch, and a lone message waits for nothing.
"""

import asyncio
import logging
import time
from collections import deque
from collections.abc import Callable, Collection, Sequence
from typing import NamedTuple, ParamSpec, TypeVar

from accounts.models import User
from chat.frames import fitting, with_entries
from chat.limits import CLAIM_SECONDS, CLAIMS
from chat.log import read
from chat.log.batch import Batched
from chat.log.store import Commit, Draft, Outcome, Stored, store
from chat.log.thread import DatabaseThread, Unavailable
from realtime import metrics
from realtime.bucket import Bucket
from realtime.frame import Frame
from realtime.hub import Head

log = logging.getLogger(__name__)

BATCH_DRAFTS = 256  # a transaction this large still takes a few milliseconds
QUEUE_DRAFTS = 4_096  # beyond this the database is away, and a sender is told so at once

P = ParamSpec("P")
T = TypeVar("T")

Answered = Callable[[asyncio.Future[Stored]], object]
Queued = tuple[Draft, asyncio.Future[Stored], Answered | None]


class Done(NamedTuple):
    """A batch that the database took, and when by time.perf_counter."""

    outcomes: list[Outcome]
    commits: list[Commit]
    begun: float
    committed: float


class TooManyClaims(Exception):  # noqa: N818 (named for what happened; `rate_limited` on the wire)
    """Clients said too often that this room's log lost entries; `seconds` until the next such claim is taken."""

    def __init__(self, seconds: float) -> None:
        super().__init__(seconds)
        self.seconds = seconds


class Log:
    """Stores drafts in batches and reads; `committed` is told what a transaction added, after its commit."""

    def __init__(self, committed: Callable[[Commit], None]) -> None:
        self._committed = committed
        self._queue: deque[Queued] = deque()
        self._is_storing = False
        self._emptied: asyncio.Future[None] | None = None
        self._writer = DatabaseThread("log-store")
        self._reader = DatabaseThread("log-read")
        self._claims: dict[int, Bucket] = {}  # by room: at most as many as there are rooms
        self._joins = Batched(self._reader, read.joins)

    # Storing

    def append(self, draft: Draft, answered: Answered | None = None) -> asyncio.Future[Stored]:
        """Queue a draft; the future gives where it was stored, or raises Refused or Unavailable.

        `answered` is called with the future as soon as that is known, and before what waits for it runs: in the same
        turn of the loop as the entries, so that what it writes to a socket leaves in one system call with them.
        """
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Stored] = loop.create_future()
        if len(self._queue) >= QUEUE_DRAFTS:
            loop.call_soon(_answer, future, answered, Unavailable("too many drafts wait for the database"))
            return future
        self._queue.append((draft, future, answered))
        if not self._is_storing:
            self._is_storing = True
            loop.call_soon(self._store)  # in a turn of its own: with all that this one brings
        return future

    def _store(self) -> None:
        """Hand on what is queued, and come back until the queue is empty."""
        if not self._queue:
            self._is_storing = False
            if self._emptied is not None:
                self._emptied.set_result(None)
            return
        batch = [self._queue.popleft() for _ in range(min(BATCH_DRAFTS, len(self._queue)))]
        drafts = [draft for draft, _, _ in batch]
        try:
            self._writer.submit(lambda: _timed(drafts), lambda answer: self._stored(batch, answer))
        except Unavailable as error:
            self._stored(batch, error)

    def _stored(self, batch: Sequence[Queued], answer: Done | Exception) -> None:
        outcomes: Sequence[Outcome | Unavailable]
        commits: Sequence[Commit]
        done: Done | None = None
        if isinstance(answer, Unavailable):
            outcomes, commits = [answer] * len(batch), []
        elif isinstance(answer, Exception):  # whatever it was, each is answered and the next batch is stored
            log.error("a batch of messages could not be stored", exc_info=answer)
            outcomes, commits = [Unavailable(str(answer))] * len(batch), []
        else:
            outcomes, commits, done = answer.outcomes, answer.commits, answer
        for commit in commits:
            try:
                self._committed(commit)
            except Exception:
                log.exception("room %s: stored entries could not be published; the poll delivers them", commit.room)
        written = time.perf_counter()
        for (_, future, answered), outcome in zip(batch, outcomes, strict=True):
            _answer(future, answered, outcome)
        if done is None:
            metrics.count("commits_failed", 1)
        else:
            at, sent = done.committed, time.perf_counter()
            metrics.batch(len(batch), commit=at - done.begun, written=written - at, sent=sent - at)
        self._store()

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
        if self._is_storing:
            self._emptied = asyncio.get_running_loop().create_future()
            await self._emptied
        for thread in (self._writer, self._reader):
            await thread.close()


def _timed(drafts: Sequence[Draft]) -> Done:
    """Store drafts, on the thread that does."""
    begun = time.perf_counter()
    outcomes, commits = store(drafts)
    return Done(outcomes, commits, begun, time.perf_counter())


def _answer(future: asyncio.Future[Stored], answered: Answered | None, outcome: Outcome | Unavailable) -> None:
    """Say what became of one draft."""
    if future.cancelled():
        return
    if isinstance(outcome, Stored):
        future.set_result(outcome)
    else:
        future.set_exception(outcome)
    if answered is not None:
        try:
            answered(future)
        except Exception:
            log.exception("a sender got no answer about its message")
