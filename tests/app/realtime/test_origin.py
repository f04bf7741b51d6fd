"""A handshake comes from our own pages, or is refused and the log says why."""

from typing import Any

import pytest

from realtime.origin import LoggedOriginValidator

OURS = ["https://chat.example.com", "http://localhost:8000"]


async def handshake(*origins: bytes) -> tuple[bool, list[dict[str, Any]]]:
    """Whether the application was reached, and what was sent instead."""
    reached: list[object] = []
    sent: list[dict[str, Any]] = []

    async def application(scope: Any, receive: Any, send: Any) -> None:
        reached.append(scope)

    async def receive() -> dict[str, Any]:
        return {"type": "websocket.connect"}

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    scope = {"type": "websocket", "headers": [(b"host", b"x"), *((b"origin", origin) for origin in origins)]}
    await LoggedOriginValidator(application, OURS)(scope, receive, send)
    return bool(reached), sent


@pytest.mark.parametrize(
    "origin", [b"https://chat.example.com", b"https://chat.example.com:443", b"http://localhost:8000"]
)
async def test_ours_passes(origin: bytes, caplog: pytest.LogCaptureFixture) -> None:
    """With the port that the scheme implies, or without."""
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
