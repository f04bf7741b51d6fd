"""A database that says no: for `connection.execute_wrapper`."""

from collections.abc import Callable
from typing import Any

from django.db import DataError, InterfaceError, OperationalError


def refuse_writes(execute: Callable[..., Any], sql: str, *rest: Any) -> Any:
    """Stand in for a full disk, or a lock that lasts."""
    if sql.startswith(("INSERT", "UPDATE", "DELETE")):
        raise OperationalError("database or disk is full")
    return execute(sql, *rest)


def refuse_data(execute: Callable[..., Any], sql: str, *rest: Any) -> Any:
    """Stand in for PostgreSQL where a text is too long for its column, which SQLite never minds."""
    if sql.startswith("INSERT"):
        raise DataError("value too long for type character varying(150)")
    return execute(sql, *rest)


def refuse_all(*_: Any) -> Any:
    """Stand in for a server that is gone."""
    raise InterfaceError("connection already closed")
