"""Consumers of every kind behind the answer to sockets that lead nowhere."""

import warnings
from typing import Any

import pytest
from channels.generic.websocket import WebsocketConsumer

from parley_serving.project.nowhere import Nowhere


class Echo(WebsocketConsumer):
    """A consumer without async, and without a middleware around it."""

    def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        """Send it back."""
        self.send(text_data, bytes_data)


@pytest.mark.django_db
async def test_a_consumer_without_async_has_no_warning() -> None:
    """asgiref warns of what is no coroutine's, and a team that runs with -W error would have no socket."""
    coming: list[dict[str, Any]] = [
        {"type": "websocket.connect"},
        {"type": "websocket.receive", "text": "hello"},
        {"type": "websocket.disconnect", "code": 1000},
    ]
    sent: list[str] = []

    async def receive() -> dict[str, Any]:
        return coming.pop(0)

    async def send(message: dict[str, Any]) -> None:
        sent.append(message.get("text", message["type"]))

    scope = {"type": "websocket", "path": "/", "headers": [], "subprotocols": []}
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        await Nowhere(Echo.as_asgi())(scope, receive, send)
    assert sent == ["websocket.accept", "hello"]
