"""How many sockets one person may have here, and what more of them are told."""

from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from deploy.drill.visitor import LoginError, Visitor, guest
from deploy.drill.wire import Hangup, connect
from tests.running import changed_checkout, running_stack

pytestmark = pytest.mark.stack


async def test_sockets_of_one_person(tmp_path: Path) -> None:
    """The fourth of three is told to try later; it is let in when one of them has gone; others are not affected."""
    root = changed_checkout(tmp_path / "c", ("parley.toml", "sockets_per_user = 0 ", "sockets_per_user = 3 "))
    with running_stack(tmp_path / "stack", root=root) as stack:
        address = stack.pinned(0)
        cookie, other = await guest(address, "Many"), await guest(address, "Other")
        async with AsyncExitStack() as exits:
            sockets = [await exits.enter_async_context(connect(address, cookie)) for _ in range(3)]
            for socket in sockets:
                await socket.welcome()
            async with connect(address, cookie) as fourth:
                with pytest.raises(Hangup) as hangup:
                    await fourth.welcome()
                assert hangup.value.code == 1013
            async with connect(address, other) as somebody:
                await somebody.welcome()
            await sockets[0].close()
            await stack.until_measured(0, sockets=2)
            async with connect(address, cookie) as again:
                await again.welcome()


async def test_sockets_of_one_address(tmp_path: Path) -> None:
    """The third of two is told to try later, whoever it is; each instance counts its own."""
    change = ("parley.toml", "sockets_per_address = 0 ", "sockets_per_address = 2 ")
    with running_stack(tmp_path / "stack", root=changed_checkout(tmp_path / "c", change)) as stack:
        here, there = stack.pinned(0), stack.pinned(1)
        cookies = [await guest(here, f"Neighbour {number}") for number in range(3)]
        async with connect(here, cookies[0]) as one, connect(here, cookies[1]) as two:
            await one.welcome()
            await two.welcome()
            async with connect(here, cookies[2]) as three:
                assert await three.closed() == 1013
            async with connect(there, cookies[2]) as elsewhere:
                await elsewhere.welcome()


async def test_sockets_of_one_instance(tmp_path: Path) -> None:
    """A full instance says so after the accept."""
    root = changed_checkout(tmp_path / "c", ("parley.toml", "sockets = 4096 ", "sockets = 2 "))
    with running_stack(tmp_path / "stack", root=root) as stack:
        address = stack.pinned(0)
        cookie = await guest(address, "Full")
        async with connect(address, cookie) as one, connect(address, cookie) as two, connect(address, cookie) as three:
            await one.welcome()
            await two.welcome()
            assert await three.closed() == 1013


async def test_guests_not_let_in(tmp_path: Path) -> None:
    """With guests = false a guest's session is worth nothing, and `logout` closes with 4401."""
    root = changed_checkout(tmp_path / "c", ("parley.toml", "guests = true ", "guests = false "))
    with running_stack(tmp_path / "stack", root=root) as stack:
        code = "from accounts.models import User; User.objects.create_user('ann', password='correct horse battery')"
        await stack.manage("shell", "-c", code)
        with pytest.raises(LoginError, match="403"):
            await guest(stack.address, "Nobody")
        cookie = await Visitor(stack.address).login("ann", "correct horse battery")
        async with connect(stack.pinned(0), cookie) as socket:
            await socket.welcome()
            await socket.write("logout")
            assert await socket.closed() == 4401
