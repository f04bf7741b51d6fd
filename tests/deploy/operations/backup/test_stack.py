"""A backup of the stack of `up`, by its own command line."""

import sqlite3
import threading
from contextlib import ExitStack, closing
from pathlib import Path

import pytest

from deploy.effects.client.address import Address
from tests.deploy.operations.backup.roundtrip import backup, there_and_back
from tests.deploy.operations.runbooks.book import Book
from tests.running import running_stack

pytestmark = [pytest.mark.stack, pytest.mark.timeout(300)]


def stored(directory: Path) -> list[tuple[int, str, str]]:
    """Read the log past the app."""
    with closing(sqlite3.connect(directory / "parley.sqlite3")) as connection:
        return connection.execute("SELECT seq, key, text FROM chat_entry ORDER BY seq").fetchall()


@pytest.mark.runbook("restore", "local")
async def test_create_wipe_restore(tmp_path: Path, book: Book) -> None:
    """While people chat, from a file that is gone, and not into a stack that runs; a client that resumes is told."""
    directory = tmp_path / "stack"
    with ExitStack() as now:
        stack = now.enter_context(running_stack(directory))

        def create() -> str:
            backup(stack, "create")
            assert "no backup '20260101T000000.000Z'" in backup(stack, "restore", "20260101T000000.000Z", status=2)
            return next((directory / "backups").glob("*Z")).name

        def restore(name: str) -> Address:
            refused = backup(stack, "restore", name, status=2)
            assert "stop it before a restore" in refused
            assert refused.count("\n") == 1
            book.play("Diagnosis", stack, BACKUP=name)
            before = stored(directory)
            for path in directory.glob("parley.sqlite3*"):
                path.unlink()
            threading.Thread(target=stack.process.wait).start()  # as a shell does: the page waits until it is gone
            assert "\nit cannot be read: " in book.play("Mitigation", stack, BACKUP=name)
            now.close()
            kept = stored(directory)
            assert kept == before[: len(kept)]
            assert 0 < len(kept) < len(before)
            again = now.enter_context(running_stack(directory))
            book.play("Verification", again, BACKUP=name)
            return again.address

        await there_and_back(stack.address, create, restore)
