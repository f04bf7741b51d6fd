"""The checks of a handshake's Host and Origin, which say in the log why they refused (pitfalls P2)."""

import logging
from collections.abc import Callable, Iterable
from http import HTTPStatus
from typing import Any
from urllib.parse import urlsplit

from django.core.exceptions import DisallowedHost
from django.http import HttpRequest

from parley_serving import limits, metrics
from parley_serving.refuse import refuse

log = logging.getLogger(__name__)

PORTS = {"http": 80, "https": 443}  # that a browser leaves out of an Origin


class LoggedOriginValidator:
    """Passes handshakes on that come from our own pages to a name of ours; refuses any other, and says why.

    An Origin is compared as a whole: what a parser finds in one is what some client meant another parser to miss.
    Channels also refuses through a consumer that first opens a channel on the layer: that would wait for Redis.
    """

    def __init__(self, application: Any, allowed_origins: Iterable[str]) -> None:
        self.application = application
        self.allowed_origins = [origin.lower() for origin in allowed_origins]
        self._ours = {spelling for origin in self.allowed_origins for spelling in spellings(origin)}

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Refuse before the accept."""
        await judge(self.application, scope, receive, send, lambda: self.why_refused(values(scope, b"origin")))

    def why_refused(self, origins: list[str]) -> str:
        """Return one sentence, empty for an origin that is ours."""
        if not origins:
            return "no Origin header (a browser always sends one)"
        if len(origins) == 1 and origins[0].lower() in self._ours:
            return ""
        said = ", ".join(origins)[: limits.REASON_CHARACTERS]
        return f"Origin {said!r} is not one of {', '.join(self.allowed_origins)}"


async def judge(application: Any, scope: Any, receive: Any, send: Any, why_refused: Callable[[], str]) -> None:
    """Pass a handshake on, or refuse it: 400 for the Host, as Django does, 403 for what `why_refused` says."""
    if why := why_host_refused(values(scope, b"host")):
        status = HTTPStatus.BAD_REQUEST
    elif why := why_refused():
        status = HTTPStatus.FORBIDDEN
    else:
        await application(scope, receive, send)
        return
    metrics.count("handshakes_refused", 1)
    log.warning("handshake refused: %s", why)
    await refuse(scope, receive, send, status)


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
