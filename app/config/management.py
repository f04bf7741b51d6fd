"""Runs a command of Django's manage.py: a failure of the database or of the system is one line and exit 1.

An OSError may also be a fault of the code: its traceback is logged at debug (PARLEY_LOG_LEVEL).
"""

import logging
import signal
import sys
from collections.abc import Sequence

from django.conf import settings
from django.core.management import execute_from_command_line
from django.db import InterfaceError, OperationalError
from django.db.migrations.exceptions import MigrationSchemaMissing

log = logging.getLogger(__name__)


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
        log.debug("the command failed", exc_info=True)
        return _say(f"{error.filename}: {error.strerror}" if error.filename else str(error.strerror or error))
    return 0


def _say(message: str) -> int:
    sys.stderr.write(" ".join(message.split()) + "\n")
    return 1
