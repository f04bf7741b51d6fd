"""The thread of the database: which connection its work gets."""

from typing import Any

import pytest
from django.db import DEFAULT_DB_ALIAS, connection, connections

from chat.log import Log, thread


@pytest.mark.parametrize(
    ("trusted", "usable", "again"), [(0.0, False, False), (0.0, True, True), (3600.0, False, True)]
)
async def test_a_connection_that_was_idle_is_tested_before_it_is_used(
    log: Log, monkeypatch: pytest.MonkeyPatch, trusted: float, usable: bool, again: bool
) -> None:
    """The server may have gone meanwhile, and no sender need be the one who finds out."""
    monkeypatch.setattr(thread, "TRUSTED_SECONDS", trusted)
    monkeypatch.setattr(type(connections[DEFAULT_DB_ALIAS]), "is_usable", lambda _: usable)

    def used() -> Any:
        connection.ensure_connection()
        return connection.connection

    assert (await log._reader.run(used) is await log._reader.run(used)) is again
