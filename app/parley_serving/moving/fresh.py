"""How many rows the project's migrations put into a new database: made in SQLite, by a process of its own."""

import json
import os
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from django.core.management import call_command

from parley_serving.moving.source import connect
from parley_serving.moving.tables import TARGET, Table


def counted(tables: Sequence[Table]) -> dict[str, int]:
    """Migrate a new file and count its rows; none, where that cannot be done.

    In a process of its own: a migration writes to the database that is the default one, so there it is the new file.
    """
    with tempfile.TemporaryDirectory(prefix="parley-") as folder:
        counts = Path(folder) / "counts"
        process = os.fork()
        if process == 0:
            _migrate(Path(folder) / "fresh.sqlite3", counts, tables)
        os.waitpid(process, 0)
        return dict(json.loads(counts.read_text())) if counts.exists() else {}


def _migrate(path: Path, counts: Path, tables: Sequence[Table]) -> None:
    """Do it, and end."""
    try:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        fresh = connect(TARGET, str(path))
        call_command("migrate", interactive=False, verbosity=0)
        names = set(fresh.introspection.table_names())
        counts.write_text(json.dumps({one.name: one.count(fresh) for one in tables if one.called(fresh) in names}))
    finally:
        os._exit(0)
