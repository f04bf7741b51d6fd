"""Whether this instance should be given visitors.

Anybody may ask, as often as they like: all who ask within a second share one question to the database.
"""

import asyncio
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from django.db import Error, connection
from django.db.migrations.executor import MigrationExecutor

from parley_serving.application import running

ANSWER_SECONDS = 2.0  # a probe asks every few seconds, and must not pile up behind a database that hangs
SHARED_SECONDS = 1.0  # one answer serves all who ask: a probe asks less often, and a rollout waits longer than this

# A thread of its own: the one that Channels shares may be busy with a slow query (pitfalls B3).
_thread = ThreadPoolExecutor(1, thread_name_prefix="readiness")
_is_migrated = False
WELL = {"ok", "none"}


class Question:
    """What is asked of something that may hang: once a second at most, and never again while it hangs."""

    def __init__(self, ask: Callable[[], Coroutine[Any, Any, dict[str, str]]], *, slow: dict[str, str]) -> None:
        self._ask = ask
        self._slow = slow
        self._asked: asyncio.Task[dict[str, str]] | None = None
        self._is_due = 0.0

    async def answer(self) -> dict[str, str]:
        """Return the words by check, those of `slow` where they do not come in time."""
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                return await asyncio.shield(self._shared())
        except TimeoutError:
            return self._slow

    def _shared(self) -> asyncio.Task[dict[str, str]]:
        """Ask, unless that is under way or was done within the last second."""
        now = asyncio.get_running_loop().time()
        if self._asked is None or (self._asked.done() and now >= self._is_due):
            self._asked = asyncio.create_task(self._ask())
            self._is_due = now + SHARED_SECONDS
        return self._asked


class Readiness:
    """What one process knows of itself and of what it needs; by default its database, and that it is migrated."""

    def __init__(self, *questions: Question) -> None:
        self._questions = questions or (Question(_database, slow={"database": "slow", "migrations": "unknown"}),)

    async def ask(self) -> tuple[bool, dict[str, str]]:
        """Return whether to send visitors here, and each check's word."""
        words: dict[str, str] = {}
        for answer in await asyncio.gather(*(question.answer() for question in self._questions)):
            words |= answer
        return await _judged(words)


async def _judged(needed: dict[str, str]) -> tuple[bool, dict[str, str]]:
    """Add what is known here.

    A layer that is down is told and does not make an instance unready: the poll carries the chat, and a Redis that
    is away would otherwise take every instance out at once.
    """
    application = running()
    layer = "none" if application is None else await application.layer()
    is_draining = application is not None and application.is_draining
    is_ready = all(word in WELL for word in needed.values()) and not is_draining
    return is_ready, needed | {"layer": layer, "draining": "yes" if is_draining else "no"}


async def _database() -> dict[str, str]:
    return await in_thread(_ask)


async def in_thread(ask: Callable[[], dict[str, str]]) -> dict[str, str]:
    """Ask in the thread of the questions."""
    return await asyncio.get_running_loop().run_in_executor(_thread, ask)


def _ask() -> dict[str, str]:
    """Return the words for database and migrations."""
    global _is_migrated  # noqa: PLW0603 (a database once migrated stays so; the plan costs a read of every file)
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
        if not _is_migrated:
            executor = MigrationExecutor(connection)
            _is_migrated = not executor.migration_plan(executor.loader.graph.leaf_nodes())
    except Error as error:  # an InterfaceError, of a connection that went away, is no DatabaseError
        return {"database": f"down: {type(error).__name__}", "migrations": "unknown"}
    finally:
        connection.close()
    return {"database": "ok", "migrations": "ok" if _is_migrated else "pending"}
