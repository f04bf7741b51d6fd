"""A small Parley database, made by the app's own migrations, and the source that it is backed up from."""

import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from deploy.model.config import ROOT, load
from deploy.operations.backup.source import LocalSource
from deploy.operations.backup.store import BackupStore
from deploy.stacks.local.layout import Layout

ENTRY = (
    "INSERT INTO chat_entry (room_id, seq, kind, author_id, author_name, key, text, at)"
    " VALUES (1, ?, 'text', 1, 'Ada', ?, ?, '2026-01-01 00:00:00')"
)


@dataclass
class Place:
    """A stack's folder with a database of one room, and where its backups go."""

    layout: Layout
    store: BackupStore
    source: LocalSource = field(init=False)

    def __post_init__(self) -> None:
        self.source = LocalSource(load(), self.layout)

    def write(self, first: int, last: int, text: str = "hello") -> None:
        """Append entries."""
        with closing(sqlite3.connect(self.layout.database)) as connection, connection:
            connection.executemany(ENTRY, [(seq, f"key-{seq}", text) for seq in range(first, last + 1)])
            connection.execute("UPDATE chat_room SET head = ?", (last,))

    def rows(self) -> tuple[list[tuple[int, str]], int, str]:
        """Give the log, the head and the epoch."""
        with closing(sqlite3.connect(self.layout.database)) as connection:
            log = connection.execute("SELECT seq, text FROM chat_entry ORDER BY seq").fetchall()
            head, epoch = connection.execute("SELECT head, epoch FROM chat_room").fetchone()
        return log, head, epoch


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated database with the lobby in it."""
    path = tmp_path_factory.mktemp("backup") / "parley.sqlite3"
    environment = os.environ | {
        "PARLEY_ENV": "test",
        "PARLEY_DATABASE_URL": f"sqlite:///{path}",
        "PYTHONPATH": str(ROOT / "app"),
    }
    for command in (["migrate", "--verbosity", "0"], ["bootstrap"]):
        subprocess.run(
            [sys.executable, "-P", "manage.py", *command],
            cwd=ROOT / "app",
            env=environment,
            check=True,
            stdout=subprocess.DEVNULL,
        )
    return path


@pytest.fixture
def place(template: Path, tmp_path: Path) -> Place:
    """One that a test may break."""
    layout = Layout(tmp_path / "stack")
    layout.make()
    layout.database.write_bytes(template.read_bytes())
    return Place(layout, BackupStore(tmp_path / "backups"))
