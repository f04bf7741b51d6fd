"""`python -m parley_serving.moving FILE`: prints one line of JSON; what the project prints goes to stderr.

`{"moved": {"chat_entry": 12}, "left": ["…"]}`, or `{"problem": "…"}` where no row was changed. Migrations of a
PostgreSQL without tables may be there then: one that fails leaves those before it.
"""

import json
import os
import sys
from pathlib import Path
from typing import Any, TextIO

from django.core.exceptions import ImproperlyConfigured
from django.core.management import CommandError, call_command
from django.db import Error, connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.migrations.recorder import MigrationRecorder

from parley_serving import database_url
from parley_serving.django_setup import set_up
from parley_serving.environment import environment
from parley_serving.moving import copying, fresh, source, tables
from parley_serving.moving.problem import ProblemError

MADE = {"django_content_type", "auth_permission", "django_site"}  # what Django itself puts there after a migration
WHERE = ("NAME", "HOST", "PORT")


def moved(path: Path) -> dict[str, Any]:
    """Move the rows; raise ProblemError where they cannot be."""
    target = connections[tables.TARGET]
    _require_target(target)
    file = source.opened(path)
    source.require_migrated(file, "the file")
    try:
        migrated = bool(MigrationRecorder(target).applied_migrations())
        if not migrated:
            call_command("migrate", interactive=False, verbosity=0)
    except (Error, CommandError) as error:
        raise ProblemError(f"PostgreSQL: {copying.line(error)}") from None
    source.require_migrated(target, "the PostgreSQL")
    there = tables.found(file, target)
    try:
        file.check_constraints([one.called(file) for one in there.tables])
    except Error as error:
        raise ProblemError(f"the file: {copying.line(error)}") from None
    counts = copying.copied(file, there.tables, _made(target, there.tables, is_new=not migrated))
    return {"moved": counts, "left": there.left}


def _made(target: BaseDatabaseWrapper, found: tuple[tables.Table, ...], *, is_new: bool) -> dict[str, int]:
    """Count what migrations made: what is there, where they ran just now."""
    there = {one.name: one.count(target) for one in found}
    if is_new or not any(number for name, number in there.items() if name not in MADE):
        return there
    target.close()  # the process that is forked now would share it
    return {**fresh.counted(found), **{name: there[name] for name in MADE & set(there)}}


def _require_target(target: BaseDatabaseWrapper) -> None:
    """Raise ProblemError where the project's settings name another database than the one that was asked for."""
    if target.vendor != "postgresql":
        raise ProblemError("the database of the project's settings is no PostgreSQL")
    asked = database_url.parse(environment().database_url)
    if any(str(asked.get(name, "")) != str(target.settings_dict.get(name, "")) for name in WHERE):
        raise ProblemError("the project's settings name another database than Parley gives them: see DATABASES")


def main(arguments: list[str], answer: TextIO) -> int:
    """Move, and answer with what became of it."""
    try:
        [file] = set_up(arguments)
        said = moved(Path(file))
    except (ProblemError, ImproperlyConfigured) as problem:  # of a project without psycopg, for one
        said = {"problem": " ".join(str(problem).split())}
    answer.write(f"{json.dumps(said)}\n")
    answer.flush()
    return 0


if __name__ == "__main__":
    pipe = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    sys.exit(main(sys.argv[1:], pipe))
