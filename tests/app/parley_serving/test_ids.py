"""Whose log line it is."""

import asyncio
from typing import Any

import pytest
from asgiref.sync import sync_to_async

from parley_serving.ids import Ids, bind
from parley_serving.ids import bound as bound_now


async def bound(kind: str, *headers: tuple[bytes, bytes]) -> dict[str, Any]:
    """Return what a line below has."""
    found: dict[str, Any] = {}

    async def application(scope: Any, receive: Any, send: Any) -> None:
        found.update(bound_now())

    await Ids(application)({"type": kind, "headers": list(headers)}, None, None)
    return found


@pytest.mark.parametrize(("kind", "name"), [("http", "request"), ("websocket", "socket")])
async def test_the_id_is_nginx_own(kind: str, name: str) -> None:
    """So that its access log and ours can be read together; nothing of the request before is left."""
    bind(user=7, request="before", socket="before")
    assert await bound(kind, (b"host", b"x"), (b"x-request-id", b"0a" * 16)) == {name: "0a" * 16}


@pytest.mark.parametrize("given", [b"", b"a b", b"a\nb", b"\xe9", b"a" * 65])
async def test_an_id_that_is_none_is_replaced(given: bytes) -> None:
    """Nobody writes into the log what he likes."""
    found = (await bound("http", (b"x-request-id", given)))["request"]
    assert len(found) == 32
    assert found != (await bound("http"))["request"]


async def test_what_a_task_binds_is_its_own() -> None:
    """Two sockets of one process, under way at the same time."""

    async def one(user: int, both: asyncio.Barrier) -> dict[str, Any]:
        bind(user=user)
        async with both:
            return dict(bound_now())

    before, both = dict(bound_now()), asyncio.Barrier(2)
    first, second = await asyncio.gather(one(1, both), one(2, both))
    assert (first["user"], second["user"]) == (1, 2)
    assert bound_now() == before


async def test_what_a_view_binds_on_its_thread_stays_bound() -> None:
    """Django's middleware runs on one, and the line of the answer is written outside of it."""
    bind(request="0a", user=0)
    await sync_to_async(bind)(user=7)
    assert (bound_now()["request"], bound_now()["user"]) == ("0a", 7)
