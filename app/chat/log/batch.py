"""Questions that come while the one before is being answered are answered together, with one reading for all."""

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Generic, TypeVar

from chat.log.thread import DatabaseThread, Unavailable

log = logging.getLogger(__name__)

MOST = 128  # questions of one reading: it still takes a few milliseconds

Q = TypeVar("Q")
A = TypeVar("A")


class Batched(Generic[Q, A]):
    """Asks `read(questions)`, which returns the answers by question; one that is missing is answered with None."""

    def __init__(self, thread: DatabaseThread, read: Callable[[Sequence[Q]], Mapping[Q, A]]) -> None:
        self._thread = thread
        self._read = read
        self._open: dict[Q, asyncio.Future[A | None]] = {}
        self._reading: asyncio.Task[None] | None = None

    async def ask(self, question: Q) -> A | None:
        """Return the answer; raise Unavailable. A lone question waits for nothing."""
        loop = asyncio.get_running_loop()
        future = self._open.get(question)
        if future is None:
            future = self._open[question] = loop.create_future()
        if self._reading is None:
            self._reading = loop.create_task(self._answer_all())
        return await asyncio.shield(future)  # others may have asked the same

    async def _answer_all(self) -> None:
        try:
            while self._open:
                asked = {question: self._open.pop(question) for question in list(self._open)[:MOST]}
                await self._answer(asked)
        finally:
            self._reading = None

    async def _answer(self, asked: dict[Q, asyncio.Future[A | None]]) -> None:
        try:
            answers = await self._thread.run(self._read, list(asked))
        except Exception as error:
            if not isinstance(error, Unavailable):
                log.exception(
                    "a read from the database failed"
                )  # a fault of ours: it must not leave anybody waiting for ever
            for future in asked.values():
                future.set_exception(error if isinstance(error, Unavailable) else Unavailable("the reading failed"))
                future.exception()  # who asked may have gone: that is no error of anybody's
        else:
            for question, future in asked.items():
                future.set_result(answers.get(question))
