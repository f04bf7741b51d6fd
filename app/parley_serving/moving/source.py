"""The SQLite file that rows are taken from: opened to be read alone, and never changed."""

from pathlib import Path
from typing import Any
from urllib.parse import quote

from django.db import Error, connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.migrations.executor import MigrationExecutor
from django.db.utils import load_backend

from parley_serving.moving.problem import ProblemError

ALIAS = "parley_source"
ENGINE = "django.db.backends.sqlite3"
SHOWN = 3  # of a list that is said in one line


class Undecodable(bytes):
    """A text that is no UTF-8, which SQLite keeps and PostgreSQL refuses."""


def opened(path: Path) -> BaseDatabaseWrapper:
    """Open the file as Django does; raise ProblemError for one that no Django has migrated."""
    source = connect(ALIAS, f"file:{quote(str(path))}?mode=ro&immutable=1")
    try:
        source.ensure_connection()
        source.connection.text_factory = text
        names = source.introspection.table_names()
    except Error as error:
        raise ProblemError(f"the file cannot be read: {error}") from None
    if "django_migrations" not in names:
        raise ProblemError("the file has no data of a Django project: there is no table django_migrations")
    return source


def connect(alias: str, name: str) -> BaseDatabaseWrapper:
    """Have a connection to an SQLite database beside those that the settings name."""
    given: dict[str, Any] = {
        "ENGINE": ENGINE,
        "NAME": name,
        **dict.fromkeys(("USER", "PASSWORD", "HOST", "PORT"), ""),
        "OPTIONS": {"detect_types": 0},  # values as they are stored: what is no date is found where its row is known
        "ATOMIC_REQUESTS": False,
        "AUTOCOMMIT": True,
        "CONN_MAX_AGE": 0,
        "CONN_HEALTH_CHECKS": False,
        # The file has times without a zone: they were written in that of the settings.
        "TIME_ZONE": connections["default"].settings_dict.get("TIME_ZONE"),
        "TEST": {"CHARSET": None, "COLLATION": None, "MIGRATE": True, "MIRROR": None, "NAME": None},
    }
    wrapper: BaseDatabaseWrapper = load_backend(ENGINE).DatabaseWrapper(given, alias)
    connections[alias] = wrapper
    return wrapper


def text(data: bytes) -> Any:
    """Return a text; what is none is found where its row is known."""
    try:
        return data.decode()
    except UnicodeDecodeError:
        return Undecodable(data)


def require_migrated(connection: BaseDatabaseWrapper, what: str) -> None:
    """Raise ProblemError where migrations of this code are missing."""
    executor = MigrationExecutor(connection)
    pending = [str(one) for one, _ in executor.migration_plan(executor.loader.graph.leaf_nodes())]
    if pending:
        raise ProblemError(f"{what} lacks migrations of this code: {listed(pending)}: migrate it first")


def listed(words: list[str]) -> str:
    """Write the first of them, and how many more there are."""
    more = len(words) - SHOWN
    return ", ".join(words[:SHOWN]) + (f" and {more} more" if more > 0 else "")
