"""The Origin rule of a project's sockets: a page of somebody else's must not speak as the person who opened it."""

from typing import Any

from parley_serving import limits
from parley_serving.environment import Environment
from parley_serving.origin import judge, spellings, values


class OriginRule:
    """Refuses handshakes of a foreign Origin: with `cookie` those that come with a cookie, which speaks for somebody.

    `same` wants an Origin, and the site's; `list` one of the list; `any` takes all.
    """

    def __init__(self, application: Any, env: Environment) -> None:
        self.application = application
        self.rule = env.origin_rule
        self._allowed = {spelling for origin in env.origins for spelling in spellings(origin.lower())}

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Refuse before the project sees it."""
        if scope["type"] == "websocket":
            await judge(self.application, scope, receive, send, lambda: self.why_refused(scope))
        else:
            await self.application(scope, receive, send)

    def why_refused(self, scope: Any) -> str:
        """Return one sentence, empty for who may come in."""
        if self.rule == "any":
            return ""
        origins = values(scope, b"origin")
        if not origins:
            return "" if self.rule == "cookie" else "no Origin header (a browser always sends one)"
        if len(origins) == 1 and origins[0].lower() in self._allowed | self._own(scope):
            return ""
        if self.rule == "cookie" and not values(scope, b"cookie"):
            return ""
        with_cookie = " with a cookie" if self.rule == "cookie" else ""
        return f"foreign Origin {', '.join(origins)[: limits.REASON_CHARACTERS]!r}{with_cookie}"

    def _own(self, scope: Any) -> set[str]:
        """Return the origin of the name that the handshake came to, which nginx knows for the site's."""
        hosts = values(scope, b"host")
        if self.rule == "list" or len(hosts) != 1:
            return set()
        scheme = "https" if scope.get("scheme") == "wss" else "http"
        try:
            return set(spellings(f"{scheme}://{hosts[0].lower()}"))
        except ValueError:  # Django and nginx take any digits for a port
            return set()
