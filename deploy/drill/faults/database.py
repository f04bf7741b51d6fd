"""A database that takes no writes for a while."""

import asyncio
import sqlite3
import threading
from contextlib import closing
from pathlib import Path

from deploy.drill.faults.scene import Scene

LOCKED_SECONDS = 5.0
PATIENCE = 10.0


async def database_locked(scene: Scene) -> None:
    """Hold the write lock from another connection, as a long transaction of an administrator would."""
    let_go = threading.Event()
    holding = asyncio.ensure_future(asyncio.to_thread(_hold, scene.stack.database, let_go))
    try:
        await asyncio.shield(holding)
    finally:
        let_go.set()
        await asyncio.wait([holding])


def _hold(path: Path, let_go: threading.Event) -> None:
    """Lock and let go in one thread: closing a connection under another thread's statement crashes the process."""
    with closing(sqlite3.connect(path, timeout=PATIENCE, isolation_level=None)) as connection:  # closing rolls back
        connection.execute("BEGIN IMMEDIATE")
        let_go.wait(LOCKED_SECONDS)
