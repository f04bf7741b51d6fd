"""Whether this instance should be given visitors."""

import asyncio
from concurrent.futures import ThreadPoolExecutor

from django.db import Error, connection
from django.db.migrations.executor import MigrationExecutor

from realtime.process import Process, running

DATABASE_SECONDS = 2.0  # a probe asks every few seconds, and must not pile up behind a database that hangs

# A thread of its own: the one that Channels shares may be busy with a slow query (pitfalls B3).
_thread = ThreadPoolExecutor(1, thread_name_prefix="readiness")
_is_migrated = False


async def readiness() -> tuple[bool, dict[str, str]]:
    """Return whether to send visitors here, and each check's word.

    A layer that is down is told and does not make an instance unready: the poll carries the chat, and a Redis that
    is away would otherwise take every instance out at once.
    """
    process = running()
    try:
        async with asyncio.timeout(DATABASE_SECONDS):
            database, migrations = await _database()
    except TimeoutError:
        database, migrations = "slow", "unknown"
    layer = await _layer(process)
    is_draining = process is not None and process.is_draining
    checks = {
        "database": database,
        "layer": layer,
        "migrations": migrations,
        "draining": "yes" if is_draining else "no",
    }
    return database == migrations == "ok" and not is_draining, checks


async def _layer(process: Process | None) -> str:
    """Return the layer's word; an application that runs no process of ours has no layer that we know.

    The first probe after a start is waited for, a second at most: until it is back nobody knows.
    """
    if process is None or not process.has_layer:
        return "none"
    await process.hub.health.is_known.wait()
    return "ok" if process.hub.health.is_well else "down"


async def _database() -> tuple[str, str]:
    return await asyncio.get_running_loop().run_in_executor(_thread, _ask)


def _ask() -> tuple[str, str]:
    """Return the words for database and migrations."""
    global _is_migrated  # noqa: PLW0603 (a database once migrated stays so; the plan costs a read of every file)
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
        if not _is_migrated:
            executor = MigrationExecutor(connection)
            _is_migrated = not executor.migration_plan(executor.loader.graph.leaf_nodes())
    except Error as error:  # an InterfaceError, of a connection that went away, is no DatabaseError
        return f"down: {type(error).__name__}", "unknown"
    finally:
        connection.close()
    return "ok", "ok" if _is_migrated else "pending"
