"""Server-sent events reach the browser one by one, whoever asked for them and however (pitfalls N10)."""

from collections.abc import Awaitable, Callable
from typing import Any

CONTENT_TYPE = b"content-type"
EVENTS = b"text/event-stream"
BUFFERING = b"x-accel-buffering"  # nginx reads it, and sends it to nobody


class EventStreams:
    """ASGI middleware: tells nginx not to buffer an answer that is a stream of events and does not say so itself.

    By what a request accepts, nginx gives an EventSource its time and its limit, and no more: anybody may ask so for a
    page, and a fetch() accepts anything. Only the answer shows what it is.
    """

    def __init__(self, application: Callable[[Any, Any, Any], Awaitable[None]]) -> None:
        self.application = application

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Look at the start of each answer."""

        async def marked(message: Any) -> None:
            if message["type"] == "http.response.start":
                message = {**message, "headers": marked_headers(message.get("headers", ()))}
            await send(message)

        await self.application(scope, receive, marked if scope["type"] == "http" else send)


def marked_headers(headers: Any) -> list[tuple[bytes, bytes]]:
    """Add the mark where it belongs."""
    found = [(bytes(name), bytes(value)) for name, value in headers]
    lower = {name.lower(): value for name, value in found}
    if lower.get(CONTENT_TYPE, b"").lower().startswith(EVENTS) and BUFFERING not in lower:
        found.append((BUFFERING, b"no"))
    return found
