"""Around authentication: it has a deadline, and a database that is away is a 503 and no traceback."""

import asyncio
import logging
from typing import Any

from django.db import DatabaseError

log = logging.getLogger(__name__)

AUTHENTICATION_SECONDS = 5.0  # a client gives up a handshake after 5 s (protocol.md): what comes later is wasted
DEADLINE = "chat.deadline"


class Handshake:
    """ASGI middleware; the consumer lifts the deadline in its `connect`."""

    def __init__(self, application: Any) -> None:
        self.application = application

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Pass the handshake on, and refuse it where nobody can be authenticated now."""
        try:
            async with asyncio.timeout(AUTHENTICATION_SECONDS) as deadline:
                await self.application({**scope, DEADLINE: deadline}, receive, send)
        except (TimeoutError, DatabaseError) as error:
            log.warning("handshake refused: nobody can be authenticated now: %s", type(error).__name__)
            await _unavailable(scope, receive, send)


async def _unavailable(scope: Any, receive: Any, send: Any) -> None:
    """Answer 503 before the accept; the page tries again with jitter."""
    await receive()
    if "websocket.http.response" in scope.get("extensions", {}):
        headers = [(b"retry-after", b"1")]
        await send({"type": "websocket.http.response.start", "status": 503, "headers": headers})
        await send({"type": "websocket.http.response.body", "body": b""})
    else:
        await send({"type": "websocket.close"})
