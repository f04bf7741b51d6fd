"""Answers to handshakes that lead nowhere."""

from http import HTTPStatus
from typing import Any


async def refuse(scope: Any, receive: Any, send: Any, status: int) -> None:
    """Refuse a websocket with an HTTP status; with 403 where the server knows no other."""
    await receive()
    if "websocket.http.response" in scope.get("extensions", {}):
        await send({"type": "websocket.http.response.start", "status": int(status), "headers": []})
        await send({"type": "websocket.http.response.body", "body": b""})
    else:
        await send({"type": "websocket.close"})


async def not_found(scope: Any, receive: Any, send: Any) -> None:
    """Refuse a websocket path that does not exist with HTTP 404."""
    await refuse(scope, receive, send, HTTPStatus.NOT_FOUND)
