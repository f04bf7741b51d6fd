"""A thread with a database connection that it keeps."""

import asyncio
import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import ParamSpec, TypeVar

from django.db import Error, connection

from realtime.feed import LogUnavailableError

log = logging.getLogger(__name__)

P = ParamSpec("P")
T = TypeVar("T")


class Unavailable(LogUnavailableError):  # noqa: N818 (named as its code on the wire)
    """The database does not answer; whether a draft was stored is unknown: the same key again finds out."""


class DatabaseThread:
    """Runs one piece of work after the other, away from the loop and from the thread that Channels shares."""

    def __init__(self, name: str) -> None:
        self._executor = ThreadPoolExecutor(1, thread_name_prefix=name)

    async def run(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Return what the work returns; raise Unavailable for any error of the database."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._executor, lambda: _guarded(work, *args, **kwargs))

    async def close(self) -> None:
        """Let the connection and the thread go."""
        # Looked up in that thread: behind the one name, each thread has a connection of its own.
        await asyncio.get_running_loop().run_in_executor(self._executor, lambda: connection.close())  # noqa: PLW0108
        self._executor.shutdown(wait=False)


def _guarded(work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Work on this thread's kept connection; after an error the next work gets a new one (pitfalls B8)."""
    try:
        return work(*args, **kwargs)
    except Error as error:  # not DatabaseError alone: an InterfaceError, of a connection that went away, is none
        log.warning("database: %s: %s", type(error).__name__, str(error).strip())
        connection.close()
        raise Unavailable(str(error)) from error
