"""Health and metrics, answered before Django: no Host check, no redirect, no session (pitfalls A8)."""

import json
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from parley_serving import edge
from parley_serving.readiness import Readiness
from parley_serving.refuse import not_found

Application = Callable[[Any, Any, Any], Awaitable[None]]

ALIVE, READY = "/healthz", "/readyz"
ASIDE = "/.parley"  # no project has paths below it
EDGE = b"x-parley-edge"  # of READY: whether this process has found nginx


class Health:
    """Wraps an ASGI application.

    `start` makes and starts the process object of the running loop, if there is none yet: the first probe comes
    before the first visitor. `metrics_port` is the port of the listener that may serve /metrics, 0 for none.
    Both paths answer below ASIDE, too; `is_taken` tells of those that are the application's own, and only there.
    """

    def __init__(
        self,
        application: Application,
        *,
        start: Callable[[], object],
        metrics_port: int,
        readiness: Readiness | None = None,
        is_taken: Callable[[str], bool] = lambda _: False,
    ) -> None:
        self.application = application
        self.start = start
        self.metrics_port = metrics_port
        self.readiness = readiness or Readiness()
        self.is_taken = is_taken

    def __call__(self, scope: Any, receive: Any, send: Any) -> Awaitable[None]:
        """Answer what is health's, and pass the rest on."""
        if self.metrics_port and (scope.get("server") or (None, None))[1] == self.metrics_port:
            return self._metrics(scope, receive, send)
        if scope["type"] == "http" and self._asks(scope["path"], ALIVE):
            return _answer(send, 200, b"text/plain; charset=utf-8", b"ok")
        if scope["type"] == "http" and self._asks(scope["path"], READY):
            return self._ready(send)
        return self.application(scope, receive, send)

    async def _ready(self, send: Any) -> None:
        self.start()
        is_ready, checks = await self.readiness.ask()
        body = json.dumps({"ready": is_ready, "checks": checks}, separators=(",", ":")).encode()
        # Not of the checks: a rollout waits for it, and nobody else is to judge an instance by it.
        more = [(EDGE, word.encode())] if (word := edge.word()) else []
        await _answer(send, 200 if is_ready else 503, b"application/json", body, more)

    def _asks(self, path: str, for_path: str) -> bool:
        return path == ASIDE + for_path or (path == for_path and not self.is_taken(path))

    async def _metrics(self, scope: Any, receive: Any, send: Any) -> None:
        """The listener for metrics serves this and nothing else: no socket gets past nginx's limits here."""
        if scope["type"] == "websocket":
            await not_found(scope, receive, send)
        elif scope["path"] == "/metrics":
            await _answer(send, 200, CONTENT_TYPE_LATEST.encode(), generate_latest())
        else:
            await _answer(send, 404, b"text/plain; charset=utf-8", b"only /metrics is here")


async def _answer(
    send: Any, status: int, content_type: bytes, body: bytes, more: Sequence[tuple[bytes, bytes]] = ()
) -> None:
    headers = [
        (b"content-type", content_type),
        (b"content-length", str(len(body)).encode()),
        (b"cache-control", b"no-store"),
        *more,
    ]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
