"""Coming in and going out, by the doors that a browser finds."""

import asyncio
from contextlib import AsyncExitStack

import pytest
from websockets.exceptions import InvalidStatus

from deploy.effects.client.http_client import HttpClient, guest
from deploy.effects.client.websocket_client import Hangup, connect
from tests.behaviour.people import PASSWORD, everywhere, signed_up
from tests.behaviour.site import Site


async def test_a_guest_becomes_somebody(site: Site) -> None:
    """Guest, account, log-out, log-in: `welcome.you` says each time who one is."""
    visitor = HttpClient(site.address)
    async with connect(site.address, await visitor.guest("Nora")) as socket:
        you = (await socket.welcome())["you"]
        assert (you["name"], you["guest"]) == ("Nora", True)
    name, visitor = await signed_up(site)
    async with connect(site.address, visitor.cookie) as socket:
        you = (await socket.welcome())["you"]
        assert (you["name"], you["guest"]) == (name.title(), False)
    cookie = await HttpClient(site.address).login(name, PASSWORD)
    async with connect(site.address, cookie) as socket:
        assert (await socket.welcome())["you"] == you


async def test_log_out_closes_that_session_on_every_instance(site: Site) -> None:
    """4401 for all sockets of the session; another session of the same person, and others, go on."""
    name, here = await signed_up(site)
    also = await HttpClient(site.address).login(name, PASSWORD)
    async with AsyncExitStack() as stay:
        mine = (await everywhere(stay, site, here.cookie)).values()
        session = next(iter((await everywhere(stay, site, also)).values()))
        somebody = next(iter((await everywhere(stay, site)).values()))
        assert (await here.post("/accounts/logout/")).status == 302
        assert set(await asyncio.gather(*(one.closed() for one in mine))) == {4401}
        await session.send_text("lobby", "another session goes on")
        await somebody.send_text("lobby", "and so do I")
    with pytest.raises(Hangup) as hangup:
        async with connect(site.address, here.cookie) as socket:
            await socket.welcome()
    assert hangup.value.code == 4401


@pytest.mark.parametrize("origin", ["https://evil.example", "null", None])
async def test_a_foreign_origin_is_refused(site: Site, origin: str | None) -> None:
    """403 before the accept, whoever's cookie it has (pitfalls P2)."""
    cookie = await guest(site.address, "Quico")
    with pytest.raises(InvalidStatus) as refused:
        async with connect(site.address, cookie, origin=origin):
            pass
    assert refused.value.response.status_code == 403
