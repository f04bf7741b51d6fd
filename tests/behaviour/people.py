"""People of a site, who come in by its doors."""

import secrets
from contextlib import AsyncExitStack

from deploy.effects.client.http_client import HttpClient, guest
from deploy.effects.client.websocket_client import Frame, Socket, connect
from tests.behaviour.site import Site

PASSWORD = "correct horse battery staple"
TRIES = 12  # sockets for each instance until every one has one: least_conn makes it the first few


async def everywhere(stay: AsyncExitStack, site: Site, cookie: str | None = None) -> dict[str, Socket]:
    """Open sockets through the edge until each instance has one, in the lobby; of one person, or each of another."""
    wanted, found = site.greeters(), dict[str, Socket]()
    for number in range(TRIES * len(wanted)):
        whose = cookie or await guest(site.address, f"Guest {number}")
        socket = await stay.enter_async_context(connect(site.address, whose))
        instance = (await socket.welcome())["instance"]
        if instance not in found:
            await socket.join("lobby")
            found[instance] = socket
        if found.keys() == wanted:
            return found
    raise AssertionError(f"{sorted(found)} greeted, of {sorted(wanted)}")


async def enter(socket: Socket) -> Frame:
    """Be greeted and join the lobby; give `joined`."""
    await socket.welcome()
    return await socket.join("lobby")


async def signed_up(site: Site) -> tuple[str, HttpClient]:
    """Sign up by the form; give the name and the browser that is logged in now."""
    visitor = HttpClient(site.address)
    name = f"u{secrets.token_hex(6)}"
    fields = {"username": name, "name": name.title(), "password1": PASSWORD, "password2": PASSWORD}
    assert (await visitor.post("/accounts/signup/", fields)).status == 302
    return name, visitor
