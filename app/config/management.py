"""Runs a command of Django's manage.py: what is the machine's fault, and not the code's, is one line and exit 1."""

import signal
import sys
from collections.abc import Sequence

from django.conf import settings
from django.core.management import execute_from_command_line
from django.db import InterfaceError, OperationalError
from django.db.migrations.exceptions import MigrationSchemaMissing


def run(arguments: Sequence[str]) -> int:
    """Run it and give the exit status."""
    # One thread needs no pool; and a pool says after two seconds that it has no connection, but not why.
    settings.DATABASES["default"].get("OPTIONS", {}).pop("pool", None)
    try:
        execute_from_command_line(list(arguments))
        sys.stdout.flush()
    except (OperationalError, InterfaceError, MigrationSchemaMissing) as error:
        return _say(f"the database: {error}")
    except BrokenPipeError:  # `| head`: end as others do
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)
        signal.raise_signal(signal.SIGPIPE)
        raise
    except OSError as error:
        return _say(f"{error.filename}: {error.strerror}" if error.filename else str(error.strerror or error))
    return 0


def _say(message: str) -> int:
    sys.stderr.write(" ".join(message.split()) + "\n")
    return 1
