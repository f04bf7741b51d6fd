"""One rule for pages and sockets: of several cookies of one name the first counts.

A browser sends the cookie with the longer path first, and the older of two with equal paths (RFC 6265, section 5.4).
Django would take the last of one header, and join two headers with a comma, which spoils the cookies at the seam.
"""

from collections.abc import Awaitable, Callable
from typing import Any

COOKIE = b"cookie"


class FirstCookies:
    """ASGI middleware: leaves one Cookie header, in which each name stands once."""

    def __init__(self, application: Callable[[Any, Any, Any], Awaitable[None]]) -> None:
        self.application = application

    def __call__(self, scope: Any, receive: Any, send: Any) -> Awaitable[None]:
        """Change the server's own list: a socket's headers are let go through it, once it is accepted."""
        if scope["type"] in ("http", "websocket"):
            headers = scope["headers"]
            found = [value for name, value in headers if name == COOKIE]
            kept = first_cookies(found)
            if found and found != [kept]:
                headers[:] = [header for header in headers if header[0] != COOKIE] + [(COOKIE, kept)]
        return self.application(scope, receive, send)


def first_cookies(headers: list[bytes]) -> bytes:
    """Join Cookie headers into one, without what repeats a name."""
    pairs: dict[bytes, bytes] = {}
    for pair in b";".join(headers).split(b";"):
        stripped = pair.strip()
        name, equals, _ = stripped.partition(b"=")
        if stripped:
            pairs.setdefault(name.strip() if equals else b"", stripped)  # a browser's cookie without a name
    return b"; ".join(pairs.values())
