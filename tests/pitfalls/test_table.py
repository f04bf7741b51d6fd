"""Of the tables in docs/pitfalls/README.md: what is reproduced in a moment."""

import asyncio
from typing import Any

import pytest
from channels.generic.websocket import AsyncWebsocketConsumer
from channels.layers import InMemoryChannelLayer
from channels.routing import ProtocolTypeRouter, URLRouter
from django.urls import path
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from realtime.hub import group_of
from tests.pitfalls.serving import hung_up, in_this_loop, nginx
from tests.waiting import PATIENCE

NAMES = {
    "A6": "No route found for path",
    "A7": "No application configured for scope type 'lifespan'",
    "C18": "Group name must be a valid unicode string",
}


async def accept(scope: Any, receive: Any, send: Any) -> None:
    """Take one message."""
    await receive()
    await send({"type": "websocket.accept"})
    await receive()


def routed(application: Any) -> Any:
    return ProtocolTypeRouter({"websocket": URLRouter([path("ws/", application)])})


async def refused(url: str) -> int:
    """Return the status that a handshake is refused with."""
    with pytest.raises(InvalidStatus) as raised:
        await connect(url)
    return raised.value.response.status_code


async def test_a6_no_route(caplog: pytest.LogCaptureFixture) -> None:
    """Stock: a path that nobody serves, or one without its last slash, is a traceback and 500."""
    async with in_this_loop(routed(accept)) as url:
        assert await refused(f"{url}/ws") == 500
    assert NAMES["A6"] in caplog.text


async def test_a7_lifespan() -> None:
    """Stock: a router without it raises when a server insists on lifespan."""
    with pytest.raises(ValueError, match=NAMES["A7"]):
        await routed(accept)({"type": "lifespan"}, None, None)


class Early(AsyncWebsocketConsumer):
    """Says no with a code of its own, before or after it accepts."""

    async def connect(self) -> None:
        if b"late" in self.scope["query_string"]:
            await self.accept()
        await self.close(4401)


async def test_b13_a_code_before_the_accept() -> None:
    """Stock: before the accept the code is lost, after it it arrives."""
    async with in_this_loop(routed(Early.as_asgi())) as url:
        assert await refused(f"{url}/ws/") == 403
        async with connect(f"{url}/ws/?late") as told:
            assert "4401" in await hung_up(told)


async def test_c18_a_name_of_people() -> None:
    """Stock: the tutorial's group is what somebody called a room; ours is made of its number."""
    layer = InMemoryChannelLayer()
    with pytest.raises(TypeError, match=NAMES["C18"]):
        await layer.group_add("chat_Café at five", "channel")
    await layer.group_add(group_of(7), "channel")


@pytest.mark.parametrize("most", [None, 65_536], ids=["stock", "ours"])
async def test_g13_a_large_frame(most: int | None) -> None:
    """Stock takes a frame of 1 MiB, whoever sends it; with our limit it is 1009."""
    received = asyncio.Event()

    async def application(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "websocket.accept"})
        if len((await receive()).get("text", "")) == 1 << 20:
            received.set()
            await receive()

    options: dict[str, Any] = {} if most is None else {"ws_max_size": most}
    async with in_this_loop(application, **options) as url, connect(f"{url}/") as sender:
        await sender.send("x" * (1 << 20))
        if most is None:
            await asyncio.wait_for(received.wait(), PATIENCE)
        else:
            assert "1009" in await hung_up(sender)
            assert not received.is_set()


@pytest.mark.stack
async def test_n11_one_header_drops_the_rest() -> None:
    """Stock: Host is set for the server, and a location that sets another header has it no more."""

    async def application(scope: Any, receive: Any, send: Any) -> None:
        body = dict(scope["headers"])[b"host"]
        headers = [(b"content-length", str(len(body)).encode())]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    async with in_this_loop(application) as url:
        hop = f"proxy_pass {url.replace('ws', 'http', 1)};"
        own = f"location /own/ {{ proxy_set_header X-Own 1; {hop} }}"
        with nginx(f"server {{ listen LISTEN; proxy_set_header Host $host; location / {{ {hop} }} {own} }}") as served:
            hosts = []
            for path in ("/", "/own/"):
                reader, writer = await asyncio.open_connection("127.0.0.1", served.port)
                writer.write(f"GET {path} HTTP/1.1\r\nHost: chat.example\r\nConnection: close\r\n\r\n".encode())
                hosts.append((await asyncio.wait_for(reader.read(), PATIENCE)).rpartition(b"\r\n\r\n")[2])
                writer.close()
    assert hosts[0] == b"chat.example"
    assert hosts[1].startswith(b"127.0.0.1:")
