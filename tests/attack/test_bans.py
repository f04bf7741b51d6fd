"""What somebody banned tries next, through the real server."""

import asyncio
import secrets

import pytest

from deploy.effects.client.http_client import HttpClient
from deploy.effects.client.websocket_client import connect
from tests.running import RunningStack

pytestmark = pytest.mark.stack

PASSWORD = "correct horse battery staple"
SECONDS = 30  # bound of the waits; the promise is a second
SIGN_UP = {"name": "Anew", "password1": PASSWORD, "password2": PASSWORD}


async def django(stack: RunningStack, code: str) -> None:
    """Do something as an admin's shell does."""
    await stack.manage("shell", "-c", "from accounts.models import User; " + code)


async def statuses(visitor: HttpClient) -> dict[str, int]:
    """Ask for pages, the admin's too, and to be made anew."""
    name = secrets.token_hex(6)
    return {
        **{path: (await visitor.get(path)).status for path in ("/", "/rooms/lobby/", "/admin/", "/accounts/signup/")},
        "sign up": (await visitor.post("/accounts/signup/", {"username": name, **SIGN_UP})).status,
        "guest": (await visitor.post("/accounts/guest/", {"name": "Anew"})).status,
    }


async def test_banned_staff_are_out(stack: RunningStack) -> None:
    """Of sockets, of the admin and of every page; without the session they are made anew no more than with it."""
    name = secrets.token_hex(4)
    await django(stack, f"User.objects.create_superuser('{name}', password='{PASSWORD}')")
    visitor = HttpClient(stack.address)
    cookie = await visitor.login(name, PASSWORD)
    async with connect(stack.pinned(0), cookie) as one, connect(stack.pinned(1), cookie) as two:
        for socket in (one, two):
            await socket.welcome()
        assert (await visitor.get("/admin/accounts/user/")).status == 200
        await stack.manage("people", "ban", name)
        assert set((await statuses(visitor)).values()) == {403}
        assert await asyncio.gather(one.closed(SECONDS), two.closed(SECONDS)) == [4403, 4403]
    del visitor.cookies["sessionid"]
    told = await statuses(visitor)
    assert (told["sign up"], told["guest"], told["/admin/"]) == (403, 403, 302)
    async with connect(stack.pinned(1), cookie) as again:
        assert await again.closed(SECONDS) == 4403
    await stack.manage("people", "unban", name)
    async with connect(stack.pinned(1), cookie) as again:
        assert await again.closed(SECONDS) == 4401, "the session of before holds no more"


async def test_a_banned_guest_s_address_brings_no_guest(stack: RunningStack) -> None:
    """By a fresh browser; whoever comes from elsewhere is let in."""
    here, there = ({"X-Forwarded-For": f"198.51.100.{last}"} for last in (7, 8))

    async def guest(where: dict[str, str], name: str = "Anew") -> int:
        return (await HttpClient(stack.pinned(0)).post("/accounts/guest/", {"name": name}, where)).status

    name = secrets.token_hex(4)
    assert [await guest(here, name), await guest(here)] == [302, 302]
    await django(stack, f"user = User.objects.get(name='{name}'); user.banned = True; user.save()")
    assert [await guest(here), await guest(there)] == [403, 302]
