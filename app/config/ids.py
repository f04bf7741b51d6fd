"""Whose log line it is: each request and each socket has an id, the one that nginx writes for it too."""

import secrets
from collections.abc import Awaitable, Callable
from typing import Any

from structlog.contextvars import bind_contextvars, clear_contextvars

HEADER = b"x-request-id"  # nginx overwrites what a client sends
CHARACTERS = 64


class Ids:
    """ASGI middleware: binds `request` or `socket` for every line below it; `user` is bound where it is known."""

    def __init__(self, application: Callable[[Any, Any, Any], Awaitable[None]]) -> None:
        self.application = application

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Begin anew: uvicorn runs a pipelined request in what is left of the one before."""
        clear_contextvars()
        if scope["type"] in ("http", "websocket"):
            bind_contextvars(**{"socket" if scope["type"] == "websocket" else "request": _id(scope["headers"])})
        await self.application(scope, receive, send)


def _id(headers: list[tuple[bytes, bytes]]) -> str:
    """Return nginx's, or one of our own for who comes past it."""
    given = next((value.decode("latin-1") for name, value in headers if name == HEADER), "")
    return given if given.isascii() and given.isalnum() and len(given) <= CHARACTERS else secrets.token_hex(16)
