"""P: who is let in, and what they may do then."""

import asyncio
from typing import Any

import pytest
from channels.auth import AuthMiddlewareStack
from channels.generic.websocket import AsyncWebsocketConsumer
from channels.layers import get_channel_layer
from channels.routing import ProtocolTypeRouter
from django.test import Client
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from deploy.effects.client.http_client import guest
from deploy.effects.client.websocket_client import connect as our_socket
from tests.pitfalls.pages import seen
from tests.pitfalls.serving import in_this_loop, nginx, routed, stock_uvicorn
from tests.running import RunningStack
from tests.waiting import PATIENCE

EVIL = "https://evil.example"


class Anybody(AsyncWebsocketConsumer):
    """Joins the room that the address names and says who came, as the tutorial does."""

    async def connect(self) -> None:
        self.room = self.scope["url_route"]["kwargs"]["room"]
        await self.channel_layer.group_add(self.room, self.channel_name)
        await self.accept()
        await self.send(str(self.scope["user"]))

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        await self.channel_layer.group_send(self.room, {"type": "said", "text": text_data})

    async def said(self, event: Any) -> None:
        await self.send(event["text"])


@pytest.fixture
def application(settings: Any) -> Any:
    """The tutorial's application, less the validator that many leave out."""
    settings.CHANNEL_LAYERS = {"default": {"BACKEND": "channels.layers.InMemoryChannelLayer"}}
    return ProtocolTypeRouter({"websocket": AuthMiddlewareStack(routed("ws/<room>/", Anybody))})


@pytest.fixture
async def cookie(django_user_model: Any) -> str:
    """Somebody's session."""
    client = Client()
    user = await django_user_model.objects.acreate(username="ann", name="Ann")
    await client.aforce_login(user)
    return f"sessionid={client.cookies['sessionid'].value}"


async def first(connection: Any) -> str:
    async with asyncio.timeout(PATIENCE):
        return str(await connection.recv())


@pytest.mark.stack
async def test_p1_https_is_lost_on_the_way() -> None:
    """Stock behind nginx's TLS without X-Forwarded-Proto: forms are refused, and a redirect to https never ends."""
    for env in ({}, {"STOCK_SSL_REDIRECT": "1"}):
        with stock_uvicorn(**env) as served:
            hop = f"location / {{ proxy_set_header Host chat.example; proxy_pass http://127.0.0.1:{served.port}; }}"
            with nginx(f"server {{ listen LISTEN; {hop} }}") as edge:
                reader, writer = await asyncio.open_connection("127.0.0.1", edge.port)
                method = "GET" if env else "POST"
                lines = f"{method} / HTTP/1.1\r\nHost: chat.example\r\nConnection: close\r\nContent-Length: 0\r\n"
                writer.write(f"{lines}Origin: https://chat.example\r\nCookie: csrftoken={'a' * 32}\r\n\r\n".encode())
                answer = (await asyncio.wait_for(reader.read(), PATIENCE)).decode()
                writer.close()
                if env:
                    assert "301" in answer
                    assert "location: https://chat.example/\r\n" in answer.lower(), "the address that it was asked for"
                else:
                    seen("P1", await served.prints("(?s).*Origin checking failed.*"))


@pytest.mark.django_db(transaction=True)
async def test_p2_another_site_gets_in_with_the_cookie(application: Any, cookie: str) -> None:
    """Stock without a validator: a page of another site is let in as who visits it."""
    async with (
        in_this_loop(application) as url,
        connect(f"{url}/ws/a/", origin=EVIL, additional_headers={"Cookie": cookie}) as forged,  # type: ignore[arg-type]
    ):
        assert await first(forged) == "Ann"


@pytest.mark.stack
async def test_p2_ours_refuses_it(stack: RunningStack) -> None:
    """403, with a good cookie, and without any Origin too."""
    mine = await guest(stack.address, "Visited")
    for origin in (EVIL, None):
        with pytest.raises(InvalidStatus) as refused:
            async with our_socket(stack.address, mine, origin=origin):
                pass
        assert refused.value.response.status_code == 403


@pytest.mark.django_db(transaction=True)
async def test_p4_nobody_in_particular_holds_places(application: Any) -> None:
    """Stock: an anonymous visitor is accepted, and stays as long as they like."""
    async with in_this_loop(application) as url:
        sockets = [await connect(f"{url}/ws/a/") for _ in range(50)]
        assert {await first(one) for one in sockets} == {"AnonymousUser"}
        for one in sockets:
            await one.close()


@pytest.mark.stack
async def test_p4_ours_is_closed_with_4401(stack: RunningStack) -> None:
    """Without a session there is no place."""
    async with our_socket(stack.address, None) as anonymous:
        with pytest.raises(Exception, match="4401"):
            await anonymous.welcome()


@pytest.mark.django_db(transaction=True)
async def test_p5_one_client_says_as_much_as_it_wants(application: Any) -> None:
    """Stock: 500 messages as fast as the wire takes them, and each goes to everybody."""
    async with in_this_loop(application) as url, connect(f"{url}/ws/a/") as flood:
        await first(flood)
        for number in range(500):
            await flood.send(str(number))
            assert await first(flood) == str(number)


@pytest.mark.django_db(transaction=True)
async def test_p6_a_room_s_name_is_all_it_takes(application: Any) -> None:
    """Stock: whoever guesses the name of a private room reads it."""
    async with in_this_loop(application) as url, connect(f"{url}/ws/board-of-directors/") as guesser:
        await first(guesser)
        layer: Any = get_channel_layer()
        await layer.group_send("board-of-directors", {"type": "said", "text": "secret"})
        assert await first(guesser) == "secret"
