"""A handshake for a path that does not exist."""

from typing import Any

import pytest

from parley_serving.refuse import not_found

ANSWER = [
    {"type": "websocket.http.response.start", "status": 404, "headers": []},
    {"type": "websocket.http.response.body", "body": b""},
]


@pytest.mark.parametrize(
    ("extensions", "sent"),
    [({"websocket.http.response": {}}, ANSWER), ({}, [{"type": "websocket.close"}])],
    ids=["404", "403"],
)
async def test_it_is_refused_before_the_accept(extensions: dict[str, Any], sent: list[dict[str, Any]]) -> None:
    """With a 404 where the server can say that; after the handshake was taken in, as the specification has it."""
    did: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        did.append({"type": "websocket.connect"})
        return did[-1]

    async def send(message: dict[str, Any]) -> None:
        did.append(message)

    await not_found({"type": "websocket", "extensions": extensions}, receive, send)
    assert did == [{"type": "websocket.connect"}, *sent]
