"""Whose log line it is."""

from typing import Any

import pytest
from structlog.contextvars import bind_contextvars, get_contextvars

from config.ids import Ids


async def bound(kind: str, *headers: tuple[bytes, bytes]) -> dict[str, Any]:
    """Return what a line below has."""
    found: dict[str, Any] = {}

    async def application(scope: Any, receive: Any, send: Any) -> None:
        found.update(get_contextvars())

    await Ids(application)({"type": kind, "headers": list(headers)}, None, None)
    return found


@pytest.mark.parametrize(("kind", "name"), [("http", "request"), ("websocket", "socket")])
async def test_the_id_is_nginx_own(kind: str, name: str) -> None:
    """So that its access log and ours can be read together; nothing of the request before is left."""
    bind_contextvars(user=7, request="before", socket="before")
    assert await bound(kind, (b"host", b"x"), (b"x-request-id", b"0a" * 16)) == {name: "0a" * 16}


@pytest.mark.parametrize("given", [b"", b"a b", b"a\nb", b"\xe9", b"a" * 65])
async def test_an_id_that_is_none_is_replaced(given: bytes) -> None:
    """Nobody writes into the log what he likes."""
    found = (await bound("http", (b"x-request-id", given)))["request"]
    assert len(found) == 32
    assert found != (await bound("http"))["request"]
