"""A database that says no: for `connection.execute_wrapper`."""

from collections.abc import Callable
from typing import Any

from django.db import InterfaceError, OperationalError


def refuse_writes(execute: Callable[..., Any], sql: str, *rest: Any) -> Any:
    """Stand in for a full disk, or a lock that lasts."""
    if sql.startswith(("INSERT", "UPDATE", "DELETE")):
        raise OperationalError("database or disk is full")
    return execute(sql, *rest)


def refuse_all(*_: Any) -> Any:
    """Stand in for a server that is gone."""
    raise InterfaceError("connection already closed")
