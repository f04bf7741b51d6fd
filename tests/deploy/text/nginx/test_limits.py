"""What one address may have, through a real nginx: of IPv6 a /64 is one address, and 250 people may share one."""

import asyncio
import re
import secrets
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from deploy.model.config import Config
from tests.waiting import PATIENCE

Front = Any  # conftest.Front: a conftest cannot be imported
Fronts = Callable[..., Awaitable[Front]]

SCHOOL = 250  # people behind one address, who must not notice the limits
TABS = 2
PAGES = 6  # that each loads to come in: docs/configuration.md
TIMES = 2  # that all come back, one directly after the other: a rollout drains two instances


async def paged(front: Front, number: int, headers: Callable[[int], str] = lambda _: "") -> Counter[int]:
    """Ask for so many pages; return how often each status came."""
    return Counter([(await front.ask("/", headers=headers(which))).status for which in range(number)])


def fresh(_: int) -> str:
    """A session that nobody has seen, as a client can make up any number of."""
    return f"Cookie: sessionid={secrets.token_hex(16)}\r\n"


async def test_a_fresh_cookie_with_each_handshake_is_one_address(fronts: Fronts) -> None:
    """What a client says is not counted: neither for handshakes nor for pages."""
    numbers = {"handshakes_per_second": 1, "handshakes_burst": 2, "pages_per_second": 1, "pages_burst": 2}
    front = await fronts(Config.model_validate({"nginx": numbers}), unlimited=())
    answers = await front.upgrades(10, fresh)
    assert Counter(status for status, _, _ in answers) == {101: 3, 429: 7}
    pages = await asyncio.gather(*(front.ask("/", headers=fresh(0)) for _ in range(10)))
    assert set(Counter(page.status for page in pages)) == {200, 429}


async def test_a_fresh_cookie_with_each_socket_is_one_address(fronts: Fronts) -> None:
    """Two places are two, under however many sessions."""
    front = await fronts(Config.model_validate({"nginx": {"sockets_per_address": 2}}), unlimited=())
    answers = await front.upgrades(6, fresh)
    assert Counter(status for status, _, _ in answers) == {101: 2, 429: 4}


async def test_pages_are_counted_and_files_and_sockets_are_not(fronts: Fronts) -> None:
    """After a burst of two the next page is refused, and whatever else is asked for is answered."""
    front = await fronts(Config.model_validate({"nginx": {"pages_per_second": 1, "pages_burst": 2}}), unlimited=())
    (front.folder / "static" / "page.js").write_text("export {};")
    pages = await asyncio.gather(*(front.ask("/") for _ in range(10)))
    assert {page.status for page in pages} == {200, 429}
    for path in ("/accounts/guest/", "/readyz", "/healthz"):
        statuses = {(await front.ask(path, method="POST", body=b"x")).status for _ in range(5)}
        assert 429 in statuses, path
    assert (await front.ask("/static/page.js")).status == 200
    assert (await front.upgrade())[0] == 101


async def test_so_many_pages_of_one_address_are_under_way(fronts: Fronts) -> None:
    """The third of two that wait for an instance is refused; when one is answered there is a place."""
    front = await fronts(Config.model_validate({"nginx": {"pages_per_address": 2}}), unlimited=())
    asked, answer = asyncio.Semaphore(0), asyncio.Event()

    async def slow(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.release()
        await answer.wait()
        await front.instances[0].answer(reader, writer)
        writer.close()

    for instance in front.instances:
        await instance.refuse()
        instance.path.unlink()
        instance.serve = slow
        await instance.open()
    waiting = [asyncio.create_task(front.ask("/")) for _ in range(2)]
    async with asyncio.timeout(PATIENCE):
        for _ in waiting:
            await asked.acquire()
        assert (await front.ask("/")).status == 429
        answer.set()
        assert [page.status for page in await asyncio.gather(*waiting)] == [200, 200]
        assert (await front.ask("/")).status == 200


def behind(address: Callable[[int], str]) -> Callable[[int], str]:
    """Come from an address, as a balancer says it."""
    return lambda which: f"X-Forwarded-For: {address(which)}\r\n"


BALANCED = {
    "site": {"trusted_proxies": ["127.0.0.0/8"]},
    "nginx": {"sockets_per_address": 2, "pages_per_second": 1, "pages_burst": 2},
}


@pytest.mark.parametrize(
    ("address", "is_one"),
    [
        (lambda which: f"2001:db8:1:2:{which}::{which}", True),
        (lambda which: f"2001:db8:1:{which + 1}::1", False),
        (lambda which: f"2001:db8:1:0a0a:{which:x}0a:a0d::", True),  # bytes that end a line are bytes
        (lambda which: f"192.0.2.{which + 1}", False),
        (lambda which: f"::ffff:192.0.2.{which + 1}", False),
    ],
    ids=["one /64", "six /64", "line ends", "IPv4", "IPv4 written as IPv6"],
)
async def test_a_64_of_ipv6_is_one_address(fronts: Fronts, address: Callable[[int], str], is_one: bool) -> None:
    """One customer has all of its addresses; those of IPv4 are one each, however they are written."""
    front = await fronts(Config.model_validate(BALANCED), unlimited=())
    sockets = Counter(status for status, _, _ in await front.upgrades(6, behind(address)))
    assert sockets == ({101: 2, 429: 4} if is_one else {101: 6})
    pages = await paged(front, 6, behind(address))
    assert (429 in pages) is is_one


async def test_an_ipv4_address_is_one_however_it_is_written(fronts: Fronts) -> None:
    """As itself, and as nginx has it on a listener for both."""
    front = await fronts(Config.model_validate(BALANCED), unlimited=())
    written = behind(lambda which: "192.0.2.1" if which % 2 else "::ffff:192.0.2.1")
    assert Counter(status for status, _, _ in await front.upgrades(6, written)) == {101: 2, 429: 4}


@pytest.mark.parametrize("nginx", ["wheel"], indirect=True)  # the same text: once is enough for 250 people
async def test_a_school_behind_one_address_is_not_refused(fronts: Fronts) -> None:
    """With the defaults: all come in at once, all open two tabs, and all are moved twice by drains."""
    front = await fronts(unlimited=(), open_files=8192, worker_connections=4096)

    ask = f"GET / HTTP/1.1\r\nHost: localhost:{front.port}\r\n"
    ways = await asyncio.gather(*(front.connect() for _ in range(SCHOOL)))
    for _, writer in ways:  # each page after the one before it, on one connection, as a browser does
        writer.write((f"{ask}\r\n" * (PAGES - 1) + f"{ask}Connection: close\r\n\r\n").encode())
    answers = await asyncio.gather(*(reader.read() for reader, _ in ways))
    pages = Counter(status for answer in answers for status in re.findall(rb"HTTP/1.1 (\d+)", answer))
    assert pages == {b"200": SCHOOL * PAGES}
    for _ in range(TIMES):
        sockets = await front.upgrades(SCHOOL * TABS // TIMES)
        assert Counter(status for status, _, _ in sockets) == {101: SCHOOL * TABS // TIMES}
        for _, _, writer in sockets:
            writer.close()
