"""Of several cookies of one name the first counts, for a page as for a socket."""

from io import BytesIO
from typing import Any

import pytest
from django.core.handlers.asgi import ASGIRequest

from chat.handshake import session_key
from parley_serving.cookies import FirstCookies

FIRST, LAST = "a" * 32, "b" * 32
SENT = {
    "one": [f"sessionid={FIRST}"],
    "two in one header": [f"sessionid={FIRST}; csrftoken=t; sessionid={LAST}"],
    "two headers": [f"sessionid={FIRST}", f"sessionid={LAST}"],
    "a header that ends as it should not": ["csrftoken=t;", f" sessionid={FIRST};", f"sessionid={LAST}"],
    "spaces around a name": [f"sessionid ={FIRST};sessionid={LAST}"],
    "after others": ["a=b; c", f"d=e; sessionid={FIRST}; sessionid={LAST}; f"],
}


async def passed_on(headers: list[tuple[bytes, bytes]], kind: str = "http") -> dict[str, Any]:
    """Give what the application is given."""
    seen: list[dict[str, Any]] = []

    async def application(scope: Any, *_: object) -> None:
        seen.append(scope)

    scope = {"type": kind, "method": "GET", "path": "/", "headers": headers}
    await FirstCookies(application)(scope, None, None)
    assert seen[0]["headers"] is headers  # the server clears its list when it has accepted a socket
    return seen[0]


@pytest.mark.parametrize("cookies", SENT.values(), ids=SENT)
async def test_a_page_and_a_socket_take_the_same_and_the_first(cookies: list[str]) -> None:
    """However they are sent."""
    headers = [(b"host", b"x"), *((b"cookie", cookie.encode()) for cookie in cookies), (b"accept", b"*/*")]
    scope = await passed_on(headers)
    assert ASGIRequest(scope, BytesIO()).COOKIES["sessionid"] == FIRST
    assert session_key(scope) == FIRST
    assert [name for name, _ in headers if name != b"cookie"] == [b"host", b"accept"]


async def test_without_a_repeated_cookie_nothing_is_changed() -> None:
    """Not the order of the headers either."""
    headers = [(b"cookie", b"a=b; sessionid=x; c"), (b"host", b"x")]
    assert (await passed_on(list(headers)))["headers"] == headers
    assert (await passed_on([(b"host", b"x")]))["headers"] == [(b"host", b"x")]


async def test_what_has_no_headers_is_left_alone() -> None:
    """The lifespan."""
    called = []

    async def application(scope: Any, *_: object) -> None:
        called.append(scope)

    await FirstCookies(application)({"type": "lifespan"}, None, None)
    assert called == [{"type": "lifespan"}]
