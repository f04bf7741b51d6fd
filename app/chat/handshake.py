"""Who comes: a session is looked at before the accept, in time, and with those of everybody else who comes now.

Channels' AuthMiddlewareStack does the same for one socket at a time, with two hops to the thread that everything
shares, and keeps four copies of the scope for as long as the socket lives (docs/decisions/authentication.md).
"""

import asyncio
import logging
from typing import Any

from django.conf import settings
from django.contrib.auth.models import AnonymousUser
from django.http import parse_cookie

from chat.log import Unavailable
from chat.runtime import runtime

log = logging.getLogger(__name__)

KEY_CHARACTERS = 40  # the column's; Django's own keys have 32
AUTHENTICATION_SECONDS = 5.0  # a client gives up a handshake after 5 s (protocol.md): what comes later is wasted


class Handshake:
    """ASGI middleware: puts `user` and `session_key` into the scope of a websocket."""

    def __init__(self, application: Any) -> None:
        self.application = application

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Pass the handshake on, and refuse it where nobody can be authenticated now."""
        key = session_key(scope)
        try:
            async with asyncio.timeout(AUTHENTICATION_SECONDS):
                user = await runtime().people.ask(key) if key else None
        except (TimeoutError, Unavailable) as error:
            log.warning("handshake refused: nobody can be authenticated now: %s", type(error).__name__)
            await _unavailable(scope, receive, send)
            return
        scope["session_key"] = key
        scope["user"] = user or AnonymousUser()
        await self.application(scope, receive, send)


def session_key(scope: Any) -> str:
    """Read the session's key from the cookie, empty without one."""
    for name, value in scope["headers"]:
        if name == b"cookie":
            key = parse_cookie(value.decode("latin-1")).get(settings.SESSION_COOKIE_NAME, "")
            # One odd key must not spoil the reading of all who come at the same moment.
            return key if key.isascii() and key.isalnum() and len(key) <= KEY_CHARACTERS else ""
    return ""


async def _unavailable(scope: Any, receive: Any, send: Any) -> None:
    """Answer 503 before the accept; the page tries again with jitter."""
    await receive()
    if "websocket.http.response" in scope.get("extensions", {}):
        headers = [(b"retry-after", b"1")]
        await send({"type": "websocket.http.response.start", "status": 503, "headers": headers})
        await send({"type": "websocket.http.response.body", "body": b""})
    else:
        await send({"type": "websocket.close"})
