"""How many rows the project's migrations put into a new database: made in SQLite, by a process of its own."""

import json
import os
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from django.core.management import call_command

from parley_serving.moving.problem import ProblemError
from parley_serving.moving.source import connect
from parley_serving.moving.tables import TARGET, Table

WRONG = ""  # the name of no table


def counted(tables: Sequence[Table]) -> dict[str, int]:
    """Migrate a new file and count its rows; raise ProblemError where a migration does not run on SQLite.

    In a process of its own: a migration writes to the database that is the default one, so there it is the new file.
    """
    with tempfile.TemporaryDirectory(prefix="parley-") as folder:
        counts = Path(folder) / "counts"
        process = os.fork()
        if process == 0:
            _migrate(Path(folder) / "fresh.sqlite3", counts, tables)
        os.waitpid(process, 0)
        found: dict[str, Any] = json.loads(counts.read_text()) if counts.exists() else {WRONG: "it was ended"}
        if WRONG in found:
            raise ProblemError(
                "it is unknown which rows of the PostgreSQL the migrations made, for they do not run on a new SQLite"
                f" file: {found[WRONG]}. Name a PostgreSQL without tables"
            )
        return found


def _migrate(path: Path, counts: Path, tables: Sequence[Table]) -> None:
    """Do it, write down what came of it, and end."""
    try:
        fresh = connect(TARGET, str(path))
        call_command("migrate", interactive=False, verbosity=0)
        names = set(fresh.introspection.table_names())
        counts.write_text(json.dumps({one.name: one.count(fresh) for one in tables if one.called(fresh) in names}))
    except Exception as error:  # noqa: BLE001 (a migration of the project raises what it likes)
        counts.write_text(json.dumps({WRONG: " ".join(f"{type(error).__name__}: {error}".split())}))
    finally:
        os._exit(0)
