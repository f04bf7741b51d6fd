"""The checks of a handshake's Host and Origin, which say in the log why they refused (pitfalls P2)."""

import logging
from collections.abc import Awaitable, Iterable
from http import HTTPStatus
from typing import Any
from urllib.parse import urlsplit

from django.core.exceptions import DisallowedHost
from django.http import HttpRequest

from parley_serving import limits, metrics
from parley_serving.environment import Environment
from parley_serving.refuse import refuse

log = logging.getLogger(__name__)

PORTS = {"http": 80, "https": 443}  # that a browser leaves out of an Origin


class OriginRule:
    """Passes handshakes on that may come; refuses any other, and says why. What is no handshake passes.

    `list` wants an Origin of the list; `same` one of the list or the site's own; `any` takes all. `cookie` takes any
    Origin, and none, but a foreign one with a cookie, which speaks for the person who opened somebody else's page.

    An Origin is compared as a whole: what a parser finds in one is what some client meant another parser to miss.
    Channels also refuses through a consumer that first opens a channel on the layer: that would wait for Redis.
    """

    def __init__(self, application: Any, env: Environment) -> None:
        self.application = application
        self.rule = env.origin_rule
        self._named = [origin.lower() for origin in env.origins]
        self._allowed = {spelling for origin in self._named for spelling in spellings(origin)}

    def __call__(self, scope: Any, receive: Any, send: Any) -> Awaitable[None]:
        """Refuse before the accept: 400 for the Host, as Django does, 403 for the Origin."""
        if scope["type"] != "websocket":
            return self.application(scope, receive, send)  # type: ignore[no-any-return]  # ASGI's
        if why := why_host_refused(values(scope, b"host")):
            status = HTTPStatus.BAD_REQUEST
        elif why := self.why_refused(scope):
            status = HTTPStatus.FORBIDDEN
        else:
            return self.application(scope, receive, send)  # type: ignore[no-any-return]  # ASGI's
        metrics.count("handshakes_refused", 1)
        log.warning("handshake refused: %s", why)
        return refuse(scope, receive, send, status)

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
        said = repr(", ".join(origins)[: limits.REASON_CHARACTERS])
        if self.rule == "list":
            return f"Origin {said} is not one of {', '.join(self._named)}"
        return f"foreign Origin {said}{' with a cookie' if self.rule == 'cookie' else ''}"

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


def why_host_refused(hosts: list[str]) -> str:
    """Return one sentence, empty for a host that Django takes from ALLOWED_HOSTS."""
    if not hosts:
        return "no Host header"
    request = HttpRequest()
    request.META["HTTP_HOST"] = ",".join(hosts)  # of two Django gets this, and takes none
    try:
        request.get_host()
    except DisallowedHost:
        return f"Host {', '.join(hosts)[: limits.REASON_CHARACTERS]!r} is not one of ALLOWED_HOSTS"
    return ""


def values(scope: Any, name: bytes) -> list[str]:
    """Return what a header says, once for each time that it comes."""
    return [value.decode("latin-1") for header, value in scope["headers"] if header == name]


def spellings(origin: str) -> Iterable[str]:
    """Give an origin as it is written, and with and without the port that its scheme implies."""
    parts = urlsplit(origin)
    implied = f":{PORTS.get(parts.scheme)}"
    if parts.port is None:
        return origin, f"{origin}{implied}"
    return origin, origin.removesuffix(implied)
