"""The log as the loop sees it: three threads with a kept connection each. One stores, one reads, one watches.

A writer that waits for a lock never holds up a reader (pitfalls B3). However much people read, the poll and the watch
read on time: nobody reads on their thread. The thread that Channels shares with everything is left alone. Drafts that
come while a transaction is under way go into the next one together: the busier the process, the larger the batch, and
a lone message waits for nothing.
"""

import asyncio
import logging
import time
from collections import deque
from collections.abc import Callable, Collection, Sequence
from typing import NamedTuple, ParamSpec, TypeVar

from accounts.models import User
from chat import limits
from chat.frames import fitting, with_entries
from chat.log import read
from chat.log.batch import Batched
from chat.log.claims import Claims
from chat.log.marks import mark as mark_of
from chat.log.store import Commit, Draft, Outcome, Stored, store
from chat.log.thread import DatabaseThread, Unavailable
from chat.log.turns import Turns
from parley_serving import metrics
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


class Log:
    """Stores drafts in batches and reads; `committed` is told what a transaction added, after its commit."""

    def __init__(self, committed: Callable[[Commit], None]) -> None:
        self._committed = committed
        self._queue: deque[Queued] = deque()
        self._is_storing = False
        self._emptied: asyncio.Future[None] | None = None
        self._writer = DatabaseThread("log-store")
        self._reader = DatabaseThread("log-read")
        self._watcher = DatabaseThread("log-watch")
        self._turns = Turns()
        self._page = asyncio.Lock()  # a join waits for one page, however many are asked for
        self._claims = Claims(self.renew)
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
        """Run a reading of the watch's, or one that must come in order with those; not one that anybody asks for."""
        return await self._watcher.run(work, *args, **kwargs)

    async def join(
        self, *, user: User, slug: str, after: int | None, epoch: str | None, mark: str | None = None
    ) -> read.Joined:
        """Read a room for somebody who enters it; raise NoSuchRoom, TooMany or Unavailable."""
        asked = read.Asked(user, slug, after, epoch, mark)
        rows = limits.JOIN_ENTRIES if after is None else limits.RESUME_ENTRIES
        async with self._turns.turn(user.pk, rows) as reading:
            answer = await self._join(asked)
            if isinstance(answer, read.Ahead):
                await self._claims.take(answer, person=user.pk, epoch=str(epoch))
                answer = await self._join(asked)  # of an epoch that is over now
            if isinstance(answer, read.Ahead):
                raise Unavailable("the history changed twice meanwhile")
            if isinstance(answer, Exception):
                raise answer
            reading.rows = len(answer.entries)
            return answer

    async def _join(self, asked: read.Asked) -> read.Joined | Exception:
        while (answer := await self._joins.ask(asked)) is None:
            pass  # those before it in the batch read as much as one piece of work may
        return answer

    async def page(self, *, user: User, slug: str, before: int, limit: int) -> read.Page:
        """Read one page; raise NoSuchRoom, TooMany or Unavailable. See read.page."""
        async with self._turns.turn(user.pk, limit) as reading, self._page:
            page = await self._reader.run(read.page, user=user, slug=slug, before=before, limit=limit)
            reading.rows = len(page.entries)
            return page

    async def read(self, room: int, epoch: str, after: int, limit: int) -> list[bytes]:
        """See read.entries_after."""
        return await self._reader.run(read.entries_after, room, after, limit, epoch=epoch)

    async def catch_up(self, person: int, room: int, epoch: str, after: int, limit: int) -> list[bytes]:
        """The same for somebody who asked for what was there when they came: they pay, and wait for their turn."""
        async with self._turns.catching_up(person, limit) as reading:
            entries = await self.read(room, epoch, after, limit)
            reading.rows = len(entries)
            return entries

    async def heads(self, rooms: Collection[int]) -> dict[int, Head]:
        """See read.heads."""
        return await self._watcher.run(read.heads, list(rooms))

    async def renew(self, room: int, epoch: str, below: int) -> None:
        """See read.renew; it writes, and may wait for a lock."""
        await self._writer.run(read.renew, room, epoch, below)

    def frames(self, room: int, name: str, epoch: str, after: int, entries: Sequence[bytes]) -> list[Frame]:
        """Put entries into as few `entries` frames as the frame limit allows, each with the mark of its last one."""
        frames = []
        while entries:
            number = fitting(entries)
            after += number
            fields = {"room": name, "mark": mark_of(room, epoch, after)}
            frames.append(Frame(with_entries("entries", entries[:number], **fields), number))
            entries = entries[number:]
        return frames

    async def close(self) -> None:
        """Finish what is queued, and let the threads and their connections go."""
        if self._is_storing:
            self._emptied = asyncio.get_running_loop().create_future()
            await self._emptied
        for thread in (self._writer, self._reader, self._watcher):
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
