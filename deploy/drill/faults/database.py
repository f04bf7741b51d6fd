"""A database that takes no writes for a while."""

import asyncio
import sqlite3
from contextlib import closing

from deploy.drill.faults.scene import Scene

LOCKED_SECONDS = 5.0
PATIENCE = 10.0


async def database_locked(scene: Scene) -> None:
    """Hold the write lock from another connection, as a long transaction of an administrator would."""

    def opened() -> sqlite3.Connection:
        return sqlite3.connect(scene.stack.database, timeout=PATIENCE, isolation_level=None, check_same_thread=False)

    with closing(await asyncio.to_thread(opened)) as connection:  # closing rolls back
        await asyncio.to_thread(connection.execute, "BEGIN IMMEDIATE")
        await asyncio.sleep(LOCKED_SECONDS)
