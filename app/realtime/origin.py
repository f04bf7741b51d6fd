"""The Origin check of a handshake, which says in the log why it refused (pitfalls P2)."""

import logging
from typing import Any
from urllib.parse import urlparse

from channels.security.websocket import OriginValidator

log = logging.getLogger(__name__)


class LoggedOriginValidator(OriginValidator):
    """Channels' matching of scheme, host and port; refuses with 403, and says why.

    Channels refuses through a consumer that first opens a channel on the layer: a refusal would wait for Redis.
    """

    def __call__(self, scope: Any, receive: Any, send: Any) -> Any:
        """Pass a handshake from our own pages on, and refuse any other before the accept."""
        origins = [value.decode("latin-1") for name, value in scope["headers"] if name == b"origin"]
        if why := self.why_refused(origins):
            log.warning("handshake refused: %s", why)
            return self._refuse(receive, send)
        application: Any = self.application
        return application(scope, receive, send)

    async def _refuse(self, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "websocket.close"})

    def why_refused(self, origins: list[str]) -> str:
        """Return one sentence, empty for an origin that is ours."""
        if not origins:
            return "no Origin header (a browser always sends one)"
        try:
            if len(origins) == 1 and self.valid_origin(urlparse(origins[0])):
                return ""
        except ValueError:  # a port that is no number
            pass
        return f"Origin {', '.join(origins)[:200]!r} is not one of {', '.join(map(str, self.allowed_origins))}"
