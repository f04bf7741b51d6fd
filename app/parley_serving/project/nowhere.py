"""Sockets where a project takes none: 404, and neither a 500 nor a traceback for each scanner (pitfalls A4, A6)."""

import logging
from collections.abc import Awaitable
from typing import Any

from parley_serving import limits
from parley_serving.refuse import not_found

log = logging.getLogger(__name__)

# How Django, Channels' router by kind and Channels' router by path say it.
SAYINGS = ("Django can only handle ASGI/HTTP connections", "No application configured for scope type", "No route found")


class Nowhere:
    """ASGI middleware: answers 404 to a handshake that the application has no consumer for."""

    def __init__(self, application: Any) -> None:
        self.application = application

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Pass everything on."""
        if scope["type"] != "websocket":
            await self.application(scope, receive, send)
            return
        is_answered = False
        is_received = False

        async def answering(message: Any) -> None:  # a coroutine's: consumers without async ask asgiref to wait for it
            nonlocal is_answered
            is_answered = True
            await send(message)

        def receiving() -> Awaitable[Any]:  # without a frame of its own: every message of a socket passes through it
            nonlocal is_received
            is_received = True
            return receive()  # type: ignore[no-any-return]  # ASGI's

        try:
            await self.application(scope, receiving, answering)
        except ValueError as error:
            if is_answered or is_received or not str(error).startswith(SAYINGS):
                raise
            log.info("no socket here: %s", " ".join(str(error).split())[: limits.REASON_CHARACTERS])
            await not_found(scope, receive, send)
