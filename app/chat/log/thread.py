"""A thread with a database connection that it keeps."""

import asyncio
import contextlib
import logging
import threading
import time
from collections.abc import Callable
from functools import partial
from queue import SimpleQueue
from typing import Any, ParamSpec, TypeVar

from django.db import DataError, Error, connection

from realtime.feed import LogUnavailableError

log = logging.getLogger(__name__)

TRUSTED_SECONDS = 1.0  # one that was idle for longer is asked whether it is still there

P = ParamSpec("P")
T = TypeVar("T")


class Unavailable(LogUnavailableError):  # noqa: N818 (named as its code on the wire)
    """The database does not answer; whether a draft was stored is unknown: the same key again finds out."""


class DatabaseThread:
    """Runs one piece of work after the other, away from the loop and from the thread that Channels shares.

    Not an executor, whose two futures and a task for each piece cost a lone message as much as a statement.
    """

    def __init__(self, name: str, *, keeps: bool = True) -> None:
        self._name = name
        self._keeps = keeps  # the connection; else it goes back to the pool after each piece of work, for the pages
        self._queue: SimpleQueue[Callable[[float], None] | None] = SimpleQueue()
        self._thread: threading.Thread | None = None
        self._is_closed = False

    def submit(self, work: Callable[[], T], told: Callable[[T | Exception], object]) -> None:
        """Do the work there, then call `told` on this loop: with its result, or with what it raised.

        An error of the database is told as Unavailable, unless the data is what is wrong. Raises it after `close`.
        """
        if self._is_closed:
            raise Unavailable("the process ends")
        if self._thread is None:
            # A daemon: a process that never comes to `close` must end all the same, and a commit is whole or not.
            self._thread = threading.Thread(target=self._serve, name=self._name, daemon=True)
            self._thread.start()
        self._queue.put(partial(_do, work, told, asyncio.get_running_loop()))

    async def run(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Return what the work returns, or raise what it raises; Unavailable for an error of the database's own."""
        future: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self.submit(partial(work, *args, **kwargs), partial(_settle, future))
        return await future

    async def close(self) -> None:
        """Finish what was submitted, and let the connection and the thread go."""
        # Looked up in that thread: behind the one name, each thread has a connection of its own.
        await self.run(lambda: connection.close())  # noqa: PLW0108
        self._is_closed = True
        self._queue.put(None)

    def _serve(self) -> None:
        used = time.monotonic()
        while (piece := self._queue.get()) is not None:
            piece(time.monotonic() - used)
            if not self._keeps:
                connection.close()
            used = time.monotonic()


def _do(work: Callable[[], Any], told: Callable[[Any], object], loop: asyncio.AbstractEventLoop, idle: float) -> None:
    """Work on this thread's kept connection; after an error the next work gets a new one (pitfalls B8).

    So does this one after a rest, in seconds, in which the server went: nobody need be the one who finds out.
    """
    answer: Any
    try:
        if idle >= TRUSTED_SECONDS and connection.connection is not None and not connection.is_usable():
            connection.close()
        answer = work()
    except DataError as error:  # the data's fault, not the database's: who asks again gets the same
        answer = error
    except Error as error:  # not DatabaseError alone: an InterfaceError, of a connection that went away, is none
        log.warning("database: %s: %s", type(error).__name__, str(error).strip())
        connection.close()
        answer = Unavailable(str(error))
        answer.__cause__ = error
    except Exception as error:  # noqa: BLE001 (whatever it is, who asked is told)
        answer = error
    with contextlib.suppress(RuntimeError):  # the loop was closed meanwhile: nobody waits
        loop.call_soon_threadsafe(told, answer)


def _settle(future: asyncio.Future[T], answer: T | Exception) -> None:
    if future.done():
        return  # who asked went away
    if isinstance(answer, Exception):
        future.set_exception(answer)
    else:
        future.set_result(answer)
