"""How many sockets one person may have here, and what more of them are told."""

import asyncio
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from chat import limits
from deploy.effects.client.http_client import HttpClient, LoginError, guest
from deploy.effects.client.websocket_client import Hangup, Socket, connect
from tests.running import changed_checkout, running_stack
from tests.waiting import PATIENCE

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


async def pings(socket: Socket, number: int) -> list[int]:
    """Send so many; return what each refused one was told to wait, in milliseconds."""
    for ref in range(number):
        await socket.write("ping", ref=f"{ref}")
    answers = [await socket.expect_ref(f"{ref}") for ref in range(number)]
    assert {answer.get("code", "pong") for answer in answers} <= {"pong", "rate_limited"}
    return [answer["retry_ms"] for answer in answers if answer["type"] == "error"]


async def logged_in(socket: Socket) -> str:
    """Try to become Ann; return what came of it."""
    await socket.write("login", ref="login", username="ann", password="correct horse battery")
    answer = await socket.expect_ref("login")
    return str(answer.get("code", answer["type"]))


async def test_flood_over_many_sockets_of_one_person(tmp_path: Path) -> None:
    """None of the ten sends more than one may; together they do, and who else is there notices nothing."""
    root = changed_checkout(
        tmp_path / "c",
        ("parley.toml", "frames_per_second = 100 ", "frames_per_second = 1 "),
        ("parley.toml", "burst = 200 ", "burst = 40 "),
    )
    with running_stack(tmp_path / "stack", root=root) as stack:
        code = "from accounts.models import User; User.objects.create_user('ann', password='correct horse battery')"
        await stack.manage("shell", "-c", code)
        address = stack.pinned(0)
        cookie, other = await guest(address, "Many"), await guest(address, "Other")
        async with AsyncExitStack() as exits:
            somebody = await exits.enter_async_context(connect(address, other))
            sockets = [await exits.enter_async_context(connect(address, cookie)) for _ in range(11)]
            ordinary, flood, fresh = sockets[:3], sockets[:10], sockets[10]
            for socket in ordinary:
                assert await pings(socket, 20) == []  # three tabs, busy
            refused = [wait for socket in flood for wait in await pings(socket, 20)]
            assert len(refused) > 50
            assert max(refused) <= 1000 / limits.PERSON_TIMES + 1
            assert await pings(somebody, 39) == []
            # Another person has another bucket; until the frame that says so is taken, this one is as empty.
            async with asyncio.timeout(PATIENCE):
                while await logged_in(fresh) != "welcome":  # noqa: ASYNC110 (it waits as it is told to)
                    await asyncio.sleep(1 / limits.PERSON_TIMES)
            assert await pings(fresh, 20) == []


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
            assert stack.measured(0)['parley_turned_away_total{limit="sockets"}'] == 1
            await stack.line("a socket is refused, too many are open: person ")


async def test_guests_not_let_in(tmp_path: Path) -> None:
    """With guests = false a guest's session is worth nothing, and `logout` closes with 4401."""
    root = changed_checkout(tmp_path / "c", ("parley.toml", "guests = true ", "guests = false "))
    with running_stack(tmp_path / "stack", root=root) as stack:
        code = "from accounts.models import User; User.objects.create_user('ann', password='correct horse battery')"
        await stack.manage("shell", "-c", code)
        with pytest.raises(LoginError, match="403"):
            await guest(stack.address, "Nobody")
        cookie = await HttpClient(stack.address).login("ann", "correct horse battery")
        async with connect(stack.pinned(0), cookie) as socket:
            await socket.welcome()
            await socket.write("logout")
            assert await socket.closed() == 4401
