"""docs/runbooks/abusive-user.md, on somebody who really floods: found by log and by command, shut out, let in again."""

import asyncio
import json
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from deploy.effects.client.address import Address
from deploy.effects.client.http_client import guest
from deploy.effects.client.websocket_client import Hangup, connect, new_key
from tests.deploy.operations.runbooks.book import Book, Running
from tests.deploy.stacks.compose.stack import RunningCompose
from tests.deploy.stacks.systemd.host import Installed
from tests.running import RunningStack
from tests.waiting import PATIENCE

FLOODING, BANNED, NO_SESSION = 4429, 4403, 4401
STORED = 120  # of the newest 1000: nobody else's can push them out of the loudest ten
FRAMES, ROUNDS, PAUSE = 2_000, 10, 5
LINE = "a socket is closed for flooding"


async def flood(address: Address, cookie: str) -> int:
    """Write what is stored, then as fast as it goes until a socket is closed for it; return who did."""
    async with connect(address, cookie) as socket:
        who: int = (await socket.welcome())["you"]["id"]
        await socket.join("lobby")
        for _ in range(STORED):
            await socket.write("send", room="lobby", key=new_key(), text="buy")
        await socket.fence()
    async with connect(address, cookie) as socket:
        await socket.welcome()
        for _ in range(ROUNDS):
            with suppress(Hangup):
                for _ in range(FRAMES):
                    await socket.write("ping")
            with suppress(TimeoutError):
                assert await socket.closed(PAUSE) == FLOODING
                return who
    raise AssertionError("nobody minded")


async def played(book: Book, on: Running, address: Address) -> tuple[int, str]:
    """Flood, be shut out by the page, and be let in again by it; return who it was, and what Diagnosis printed."""
    cookie = await guest(address, "Loud")
    who = await flood(address, cookie)
    async with connect(address, cookie) as first, connect(address, cookie) as second:
        await first.welcome()
        await second.welcome()
        diagnosis = await asyncio.to_thread(book.play, "Diagnosis", on)
        assert f" s: {who} guest-" in diagnosis
        status, output = await asyncio.to_thread(book.tried, "Mitigation", on)
        assert (status, "needs WHO" in output) == (2, True), output
        await asyncio.to_thread(book.play, "Mitigation", on, WHO=str(who))
        assert await asyncio.gather(first.closed(PATIENCE), second.closed(PATIENCE)) == [BANNED, BANNED]
    await asyncio.to_thread(book.play, "Verification", on, WHO=str(who))
    assert await refused(address, cookie) == BANNED
    await asyncio.to_thread(book.play, "Rollback", on, WHO=str(who))
    assert await refused(address, cookie) == NO_SESSION, "the ban ended it for good"
    return who, diagnosis


async def refused(address: Address, cookie: str) -> int:
    """Return the code that a socket is closed with."""
    async with connect(address, cookie) as socket:
        return int(await socket.closed(PATIENCE))


def lines(text: str) -> list[dict[str, Any]]:
    """Return the log lines about floods."""
    return [json.loads(line[line.index("{") :]) for line in text.splitlines() if LINE in line and "{" in line]


@pytest.mark.stack
@pytest.mark.runbook("abusive-user", "local")
async def test_somebody_is_shut_out(book: Book, stack: RunningStack) -> None:
    """The line in the terminal has the ids, and nginx's access log has the socket's address."""
    who, _ = await played(book, stack, stack.address)
    line = await stack.line(LINE, f"user={who}")
    socket = line.partition("socket=")[2].split()[0]
    [access] = [one for one in _access(stack.directory) if f"request={socket}" in one]
    assert access.split()[0] in {"127.0.0.1", "::1"}


def _access(folder: Path) -> list[str]:
    return (folder / "log" / "access.log").read_text().splitlines()


@pytest.mark.release
@pytest.mark.docker
@pytest.mark.runbook("abusive-user", "compose")
async def test_somebody_is_shut_out_of_compose(book: Book, compose: RunningCompose) -> None:
    """The replica's log says who."""
    who, diagnosis = await played(book, compose, compose.address)
    assert who in [one["user"] for one in lines(diagnosis)]


@pytest.mark.release
@pytest.mark.systemd
@pytest.mark.runbook("abusive-user", "systemd")
async def test_somebody_is_shut_out_of_a_host(book: Book, systemd: Installed) -> None:
    """The journal says who."""
    who, diagnosis = await played(book, systemd, systemd.address)
    assert who in [one["user"] for one in lines(diagnosis)]
