"""A handshake comes from our own pages to a name of ours, or is refused and the log says why."""

from dataclasses import replace
from typing import Any

import pytest

from parley_serving.environment import environment
from parley_serving.origin import OriginRule

OURS = ("https://Chat.example.com", "http://localhost:8000", "https://port.example:443", "http://[::1]")


async def handshake(
    *origins: bytes, hosts: tuple[bytes, ...] = (b"testserver",), extensions: tuple[str, ...] = ()
) -> tuple[bool, list[dict[str, Any]]]:
    """Whether the application was reached, and what was sent instead."""
    reached: list[object] = []
    sent: list[dict[str, Any]] = []

    async def application(scope: Any, receive: Any, send: Any) -> None:
        reached.append(scope)

    async def receive() -> dict[str, Any]:
        return {"type": "websocket.connect"}

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    headers = [*((b"host", host) for host in hosts), *((b"origin", origin) for origin in origins)]
    scope = {"type": "websocket", "headers": headers, "extensions": dict.fromkeys(extensions)}
    rule = OriginRule(application, replace(environment(), origin_rule="list", origins=OURS))
    await rule(scope, receive, send)
    return bool(reached), sent


@pytest.mark.parametrize(
    "origin",
    [
        b"https://chat.example.com",
        b"https://chat.example.com:443",
        b"HTTPS://Chat.Example.COM",
        b"http://localhost:8000",
        b"https://port.example",
        b"https://port.example:443",
        b"http://[::1]",
    ],
)
async def test_ours_passes(origin: bytes, caplog: pytest.LogCaptureFixture) -> None:
    """With the port that the scheme implies, or without; however it and the setting are written."""
    assert await handshake(origin) == (True, [])
    assert not caplog.records


@pytest.mark.parametrize(
    ("origins", "why"),
    [
        ([], "no Origin header"),
        ([b"https://evil.example.com"], "'https://evil.example.com' is not one of"),
        ([b"http://chat.example.com"], "is not one of"),
        ([b"https://chat.example.com:8443"], "is not one of"),
        ([b"https://chat.example.com.evil.com"], "is not one of"),
        ([b"https://sub.chat.example.com"], "is not one of"),
        ([b"https://x@chat.example.com"], "is not one of"),
        ([b"https://chat.example.com/"], "is not one of"),
        ([b"https://chat.example.com/path"], "is not one of"),
        ([b"https://chat.example.com#x"], "is not one of"),
        ([b"https://chat.example.com?x"], "is not one of"),
        ([b"https://chat.example.com:"], "is not one of"),
        ([b"//chat.example.com"], "is not one of"),
        ([b"null"], "'null' is not one of"),
        ([b""], "is not one of"),
        ([b"https://chat.example.com:port"], "is not one of"),
        ([b"https://["], "is not one of"),
        ([b"\xff\xfe"], "is not one of"),
        ([b"https://chat.example.com", b"https://chat.example.com"], "is not one of"),
        ([b"https://chat.example.com", b"https://evil.example.com"], "is not one of"),
        ([b"https://" + b"x" * 5_000], "is not one of"),
    ],
)
async def test_others_are_refused_and_the_log_says_why(
    origins: list[bytes], why: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Before the accept, which is a 403; on one line, and not a long one."""
    assert await handshake(*origins) == (False, [{"type": "websocket.close"}])
    [record] = caplog.records
    assert why in record.getMessage()
    assert len(record.getMessage()) < 500
    assert "\n" not in record.getMessage()


@pytest.mark.parametrize("host", [b"testserver", b"TestServer:8443", b"localhost"])
async def test_a_host_of_ours_passes(host: bytes) -> None:
    """With any port, as Django has it."""
    assert await handshake(b"https://chat.example.com", hosts=(host,)) == (True, [])


@pytest.mark.parametrize(
    ("hosts", "why"),
    [
        ((), "no Host header"),
        ((b"evil.example.com",), "Host 'evil.example.com' is not one of ALLOWED_HOSTS"),
        ((b"testserver.evil.com",), "is not one of ALLOWED_HOSTS"),
        ((b"x@testserver",), "is not one of ALLOWED_HOSTS"),
        ((b"testserver/path",), "is not one of ALLOWED_HOSTS"),
        ((b"",), "is not one of ALLOWED_HOSTS"),
        ((b"testserver", b"testserver"), "is not one of ALLOWED_HOSTS"),
        ((b"x" * 5_000,), "is not one of ALLOWED_HOSTS"),
    ],
)
async def test_another_host_is_refused_as_django_refuses_it(
    hosts: tuple[bytes, ...], why: str, caplog: pytest.LogCaptureFixture
) -> None:
    """400, where the server can say so, also with an Origin of ours."""
    reached, sent = await handshake(b"https://chat.example.com", hosts=hosts, extensions=("websocket.http.response",))
    assert (reached, sent[0]["type"], sent[0]["status"]) == (False, "websocket.http.response.start", 400)
    assert await handshake(b"https://chat.example.com", hosts=hosts) == (False, [{"type": "websocket.close"}])
    for record in caplog.records:
        assert why in record.getMessage()
        assert len(record.getMessage()) < 300
