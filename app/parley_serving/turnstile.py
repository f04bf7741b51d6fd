"""Pages in turns: Django runs each request on a thread of its own, so the bound is on requests at once."""

from collections.abc import Awaitable, Callable
from typing import Any

from parley_serving import limits
from parley_serving.addresses import network_of
from parley_serving.turns import Bound, Full, Turns

PAGES = "pages"


class Turnstile:
    """ASGI middleware for http: passes a request on when it is its turn, and answers 503 where too many wait.

    `queue_of` may name other turns, and their line, for some requests; `page` makes the body of the refusal, as HTML.
    """

    def __init__(
        self,
        application: Callable[[Any, Any, Any], Awaitable[None]],
        *,
        queue_of: Callable[[Any], tuple[Turns, str] | None] = lambda _: None,
        page: Callable[[Any], bytes] = lambda _: b"Too many requests wait. Try again in a few seconds.",
    ) -> None:
        bound = Bound(limits.PAGES_WAITING, limits.PAGES_WAITING_PER_ADDRESS, limits.PAGES_AGAIN_SECONDS)
        self.application = application
        self.turns = Turns(at_once=limits.PAGES_AT_ONCE, lines={PAGES: bound})
        self.queue_of = queue_of
        self.page = page

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Serve one request."""
        turns, line = self.queue_of(scope) or (self.turns, PAGES)
        try:
            await turns.take(line, network_of(scope))
        except Full as full:
            await self._refuse(scope, send, full.seconds)
            return
        try:
            await self.application(scope, receive, send)
        finally:
            turns.give_back()

    async def _refuse(self, scope: Any, send: Any, seconds: int) -> None:
        body = self.page(scope)
        headers = [
            (b"content-type", b"text/html; charset=utf-8"),
            (b"content-length", str(len(body)).encode()),
            (b"cache-control", b"no-store"),
            (b"retry-after", str(seconds).encode()),
        ]
        await send({"type": "http.response.start", "status": 503, "headers": headers})
        await send({"type": "http.response.body", "body": body})
