"""The migrations that a release would run, judged: `python -m parley_serving.migrations_plan` prints JSON, one line.

`{"pending": ["chat.0005_more"], "breaking": [{"migration", "operation", "why", "way"}]}`: what is breaking, the release
that serves cannot live with. Nothing is changed.
"""

import json
import sys
from typing import Any

from django.core.management.base import CommandError
from django.db import Error, connection
from django.db.migrations.exceptions import InconsistentMigrationHistory
from django.db.migrations.executor import MigrationExecutor

from parley_serving.contracting import Judge
from parley_serving.django_setup import set_up


def plan() -> dict[str, Any]:
    """Return it; raise CommandError for a history that no migration can go on from."""
    executor = MigrationExecutor(connection)
    loader = executor.loader
    loader.check_consistent_history(connection)
    if conflicts := loader.detect_conflicts():
        names = "; ".join(f"{app}: {', '.join(leaves)}" for app, leaves in sorted(conflicts.items()))
        raise CommandError(f"two migrations are the last one ({names}): makemigrations --merge")
    pending = [migration for migration, _ in executor.migration_plan(loader.graph.leaf_nodes())]
    applied = [node for node in loader.applied_migrations if node in loader.graph.nodes]
    state, judge = loader.project_state(applied), Judge(connection)
    breaking = [
        {"migration": str(migration), "operation": operation.describe(), "why": why, "way": way}
        for migration in pending
        for operation, (why, way) in judge.breaking(migration, state)
    ]
    # An empty database has served nobody yet.
    return {"pending": [str(one) for one in pending], "breaking": breaking if applied else []}


def main(arguments: list[str]) -> int:
    """Print the plan, or on stderr one line that says why there is none."""
    set_up(arguments)
    try:
        found = plan()
    except (CommandError, Error, InconsistentMigrationHistory) as error:
        sys.stderr.write(f"migrations: {' '.join(str(error).split())}\n")
        return 1
    sys.stdout.write(f"{json.dumps(found)}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
