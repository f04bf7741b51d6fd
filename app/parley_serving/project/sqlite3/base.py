"""Django's SQLite engine with transactions that begin with a write lock, and a write-ahead log (pitfalls L7)."""

from typing import Any

from django.db.backends.sqlite3 import base


class DatabaseWrapper(base.DatabaseWrapper):
    """What `transaction_mode` and `init_command` say from Django 5.1 on."""

    def get_new_connection(self, conn_params: dict[str, Any]) -> Any:
        """Connect, in the mode that readers and a writer do not wait for each other in."""
        connection = super().get_new_connection(conn_params)
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=FULL")  # NORMAL can lose what was committed at power loss
        return connection

    def _start_transaction_under_autocommit(self) -> None:
        self.cursor().execute("BEGIN IMMEDIATE")
