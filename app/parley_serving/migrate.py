"""`python -m parley_serving.migrate --noinput`: the project's own `migrate`, which waits for no lock for long.

While a migration waits for a lock, everybody who comes after it waits too: so PostgreSQL gives it up, and the release
that serves goes on. What a database refuses is one line, with the migration and the database's own words.
"""

import sys
from typing import Any

from django.core.management import CommandError, get_commands, load_command_class
from django.core.management.base import BaseCommand
from django.db import Error
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.signals import connection_created

from parley_serving.django_setup import set_up

LOCK_SECONDS = 5  # below Parley's statement_timeout of 10 s, and what people take for a slow page


class Progress:
    """Stands between `migrate` and what it reports, and knows which migration is running."""

    def __init__(self, report: Any) -> None:
        self._report = report
        self.current = ""

    def __call__(self, action: str, migration: Any = None, fake: bool = False) -> None:
        """Remember, and report."""
        if action == "apply_start":
            self.current = str(migration)
        self._report(action, migration, fake)


def wait_briefly(connection: BaseDatabaseWrapper, **_: Any) -> None:
    """Have PostgreSQL give up a lock that somebody keeps."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute(f"SET lock_timeout = '{LOCK_SECONDS}s'")


def main(arguments: list[str]) -> int:
    """Migrate; return the exit status."""
    rest = set_up(arguments)
    connection_created.connect(wait_briefly)
    command = _command()
    progress = Progress(command.migration_progress_callback)
    command.migration_progress_callback = progress
    try:
        command.run_from_argv(["manage.py", "migrate", "--traceback", *rest])
    except Error as error:  # an InterfaceError, of a connection that went away, is no DatabaseError
        where = f"migration {progress.current}" if progress.current else "migrate"
        sys.stderr.write(f"\n{where} refused: {' '.join(str(error).split())}\n")
        return 1
    except CommandError as error:
        sys.stderr.write(f"\nmigrate refused: {' '.join(str(error).split())}\n")
        return 1
    return 0


def _command() -> Any:
    """Return the project's `migrate`, which may be an app's own."""
    found = get_commands()["migrate"]
    return found if isinstance(found, BaseCommand) else load_command_class(found, "migrate")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
