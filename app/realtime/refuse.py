"""Answers to handshakes that lead nowhere."""

from typing import Any


async def not_found(scope: Any, receive: Any, send: Any) -> None:
    """Refuse a websocket path that does not exist with HTTP 404."""
    await receive()
    if "websocket.http.response" in scope.get("extensions", {}):
        await send({"type": "websocket.http.response.start", "status": 404, "headers": []})
        await send({"type": "websocket.http.response.body", "body": b""})
    else:
        await send({"type": "websocket.close"})
