"""A database that takes no writes for a while."""

import asyncio
import sqlite3
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import Any

from deploy.errors import StackError
from deploy.operations.drill.faults.fault import Scene

LOCKED_SECONDS = 5.0
PATIENCE = 10.0


async def database_locked(scene: Scene) -> None:
    """Hold the write lock from another connection, as a long transaction of an administrator would."""
    if scene.stack.database is None:
        raise StackError("this stack's database is no SQLite file: its writers do not lock each other out")
    async with write_lock(scene.stack.database):
        await asyncio.sleep(LOCKED_SECONDS)


@asynccontextmanager
async def write_lock(path: Path) -> AsyncIterator[None]:
    """Hold the database's write lock; raises sqlite3.OperationalError when it cannot be had in time."""
    loop = asyncio.get_running_loop()
    locked, let_go = asyncio.Event(), threading.Event()
    holding: asyncio.Future[Any] = loop.run_in_executor(
        None, _hold, path, lambda: loop.call_soon_threadsafe(locked.set), let_go
    )
    waiting: asyncio.Future[Any] = asyncio.create_task(locked.wait())
    try:
        await asyncio.wait({holding, waiting}, return_when=asyncio.FIRST_COMPLETED)
        if holding.done():
            holding.result()
        yield
    finally:
        let_go.set()
        waiting.cancel()
        await asyncio.wait({holding})


def _hold(path: Path, tell: Callable[[], object], let_go: threading.Event) -> None:
    """Lock and let go in one thread: closing a connection under another thread's statement crashes the process."""
    with closing(sqlite3.connect(path, timeout=PATIENCE, isolation_level=None)) as connection:  # closing rolls back
        connection.execute("BEGIN IMMEDIATE")
        tell()
        let_go.wait()
