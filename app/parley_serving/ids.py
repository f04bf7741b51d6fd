"""Whose log line it is: each request and each socket has an id, the one that nginx writes for it too."""

import secrets
from collections.abc import Awaitable, Callable, Mapping
from contextvars import ContextVar
from types import MappingProxyType
from typing import Any

HEADER = b"x-request-id"  # nginx overwrites what a client sends
CHARACTERS = 64

_ids: ContextVar[Mapping[str, Any]] = ContextVar("parley_ids", default=MappingProxyType({}))


def bind(**ids: Any) -> None:
    """Have these in every log line of this context, and of what it starts from now on."""
    _ids.set({**_ids.get(), **ids})


def bound() -> Mapping[str, Any]:
    """Return what a log line has now."""
    return _ids.get()


class Ids:
    """ASGI middleware: binds `request` or `socket` for every line below it; `user` is bound where it is known."""

    def __init__(self, application: Callable[[Any, Any, Any], Awaitable[None]]) -> None:
        self.application = application

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Begin anew: uvicorn runs a pipelined request in what is left of the one before."""
        _ids.set({})
        if scope["type"] in ("http", "websocket"):
            bind(**{"socket" if scope["type"] == "websocket" else "request": id_of(scope["headers"])})
        await self.application(scope, receive, send)


def id_of(headers: list[tuple[bytes, bytes]]) -> str:
    """Return nginx's, or one of our own for who comes past it."""
    given = next((value.decode("latin-1") for name, value in headers if name == HEADER), "")
    return given if given.isascii() and given.isalnum() and len(given) <= CHARACTERS else secrets.token_hex(16)
