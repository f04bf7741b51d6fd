"""A3, K: what happens between the page and the log."""

import asyncio
import json
import signal
import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from channels.generic.websocket import AsyncJsonWebsocketConsumer
from channels.layers import get_channel_layer
from channels.routing import ProtocolTypeRouter
from playwright.async_api import Page, async_playwright
from websockets.asyncio.client import connect

from parley_serving import databases
from tests.pitfalls.pages import seen
from tests.pitfalls.serving import hung_up, in_this_loop, routed, stock_gunicorn
from tests.programs import needed
from tests.running import RunningStack
from tests.waiting import PATIENCE

FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"]
SITE = "https://chat.example/"


@pytest.fixture
async def page() -> AsyncIterator[Page]:
    """A page of a stock site by https, in a real browser; no server is needed."""
    chromium = needed("chromium", "chromium")
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        page = await browser.new_page()
        await page.route(f"{SITE}**", lambda route: route.fulfill(body="<p id=log>", content_type="text/html"))
        await page.goto(SITE)
        yield page
        await browser.close()


@pytest.mark.browser
async def test_a3_a_page_by_https_opens_no_plain_socket(page: Page) -> None:
    """Stock: `new WebSocket("ws://" + location.host)` works on a laptop and is blocked on the site."""
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    said.append(
        await page.evaluate(
            """() => { try { new WebSocket("ws://" + location.host + "/ws/"); return "opened" }
                       catch (error) { return String(error) } }"""
        )
    )
    seen("A3", *said)


@pytest.mark.browser
async def test_a3_ours_follows_the_page(stack: RunningStack) -> None:
    """The page that https brought opens wss, to its own host."""
    chromium = needed("chromium", "chromium")
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        page = await browser.new_page(ignore_https_errors=True)
        await page.goto(f"{stack.url}/rooms/lobby/")
        form = page.locator('form[action="/accounts/guest/"]')
        await form.locator("[name=name]").fill("Secure")
        async with page.expect_websocket() as opened:
            await form.locator("button").click()
        assert (await opened.value).url == f"{stack.url.replace('https', 'wss', 1)}/ws/chat/"
        await browser.close()


@pytest.mark.browser
async def test_p6_what_somebody_writes_is_run(page: Page) -> None:
    """Stock: `log.innerHTML += message`, as half of the tutorials have it."""
    await page.evaluate(
        """() => { const message = "<img src=x onerror='window.owned = true'>";
                   document.querySelector("#log").innerHTML += message }"""
    )
    await page.wait_for_function("window.owned === true")


@pytest.mark.stack
async def test_k1_everybody_is_sent_away_at_once() -> None:
    """Stock: SIGTERM closes all sockets in one moment, with no word of when to come back."""
    with stock_gunicorn() as served:
        sockets = [await connect(served.url) for _ in range(50)]
        served.process.send_signal(signal.SIGTERM)
        said = {await hung_up(one) for one in sockets}
    assert len(said) == 1
    seen("K1", *said)


class Tutorial(AsyncJsonWebsocketConsumer):
    """Sends what was written before, then joins the room; stores, then tells."""

    stored: list[str]
    loaded: asyncio.Event
    gate: asyncio.Event

    async def connect(self) -> None:
        await self.accept()
        history = list(self.stored)
        self.loaded.set()
        await self.gate.wait()  # whatever comes between the two
        await self.channel_layer.group_add("room", self.channel_name)
        await self.send_json(history)

    async def receive_json(self, content: Any, **_: Any) -> None:
        self.stored.append(content)
        await self.channel_layer.group_send("room", {"type": "said", "text": content})

    async def said(self, event: Any) -> None:
        await self.send_json(event["text"])


@pytest.fixture
async def room(settings: Any) -> AsyncIterator[str]:
    """The tutorial's room; gives its address."""
    settings.CHANNEL_LAYERS = {"default": {"BACKEND": "channels.layers.InMemoryChannelLayer"}}
    Tutorial.stored, Tutorial.loaded, Tutorial.gate = [], asyncio.Event(), asyncio.Event()
    async with in_this_loop(ProtocolTypeRouter({"websocket": routed("ws/", Tutorial)})) as url:
        yield f"{url}/ws/"


async def read(connection: Any) -> Any:
    async with asyncio.timeout(PATIENCE):
        return json.loads(await connection.recv())


async def say(text: str) -> None:
    """Store and tell, as another process would."""
    Tutorial.stored.append(text)
    layer: Any = get_channel_layer()
    await layer.group_send("room", {"type": "said", "text": text})


async def test_k3_between_the_history_and_the_join(room: str) -> None:
    """Stock: what is said after the history was read and before the group was joined reaches nobody who joins."""
    async with connect(room) as newcomer:
        await asyncio.wait_for(Tutorial.loaded.wait(), PATIENCE)
        await say("lost")
        Tutorial.gate.set()
        assert await read(newcomer) == []
        await say("after")
        assert await read(newcomer) == "after"
    assert Tutorial.stored == ["lost", "after"]


async def test_k4_what_is_said_while_one_is_away(room: str) -> None:
    """Stock without a log: whoever was away for a moment never hears of it. (With one, it is read from the start.)"""
    Tutorial.gate.set()
    layer: Any = get_channel_layer()
    async with connect(room) as member:
        assert await read(member) == []
    await layer.group_send("room", {"type": "said", "text": "missed"})
    async with connect(room) as member:
        assert await read(member) == []
        await layer.group_send("room", {"type": "said", "text": "heard"})
        assert await read(member) == "heard"


async def test_k5_sent_again_stored_again(room: str) -> None:
    """Stock: the answer was lost with the socket, the page sends again, and it stands there twice."""
    Tutorial.gate.set()
    for _ in range(2):
        async with connect(room) as writer:
            await read(writer)
            await writer.send(json.dumps("hello"))
            assert await read(writer) == "hello"
            writer.transport.abort()
    assert Tutorial.stored == ["hello", "hello"]


class Presence(AsyncJsonWebsocketConsumer):
    """Counts +1 and -1."""

    online = 0

    async def connect(self) -> None:
        Presence.online += 1
        await self.accept()

    async def disconnect(self, code: int) -> None:
        Presence.online -= 1


async def test_k7_a_counter_never_comes_down(caplog: pytest.LogCaptureFixture) -> None:
    """Stock: one frame that is not JSON, and one person too many is online until the next deploy."""
    async with in_this_loop(ProtocolTypeRouter({"websocket": routed("ws/", Presence)})) as url:
        async with connect(f"{url}/ws/") as one:
            await one.send("not json")
            await hung_up(one)
        assert Presence.online == 1


def two_writers(folder: Path) -> tuple[sqlite3.Connection, sqlite3.Connection]:
    """Two connections that would wait a minute for each other."""
    one, two = (
        sqlite3.connect(folder / "db", timeout=60, isolation_level=None, check_same_thread=False) for _ in range(2)
    )
    one.execute("PRAGMA journal_mode=WAL")
    one.execute("CREATE TABLE t (n)")
    return one, two


def test_l7_who_read_first_is_refused(tmp_path: Path) -> None:
    """Stock: with Django's default both read, one writes, and the other is refused at once: no `timeout` helps."""
    one, two = two_writers(tmp_path)
    for writer in (one, two):
        writer.execute("BEGIN DEFERRED")
        writer.execute("SELECT max(n) FROM t").fetchall()
    one.execute("INSERT INTO t VALUES (1)")
    one.execute("COMMIT")
    with pytest.raises(sqlite3.OperationalError) as refused:
        two.execute("INSERT INTO t VALUES (2)")
    seen("L7", f"django.db.utils.OperationalError: {refused.value}")
    one.close()
    two.close()


async def test_l7_ours_waits_its_turn(tmp_path: Path) -> None:
    """With our settings the second begins when the first has ended, and reads what it wrote."""
    one, two = two_writers(tmp_path)
    begin = f"BEGIN {transaction_mode(tmp_path)}"
    one.execute(begin)
    waiting = asyncio.create_task(asyncio.to_thread(two.execute, begin))
    await asyncio.wait([waiting], timeout=0.5)
    assert not waiting.done(), "it would read what is about to change"
    one.execute("INSERT INTO t VALUES (1)")
    one.execute("COMMIT")
    await asyncio.wait_for(waiting, PATIENCE)
    assert two.execute("SELECT count(*) FROM t").fetchone() == (1,)
    two.execute("INSERT INTO t VALUES (2)")
    two.execute("COMMIT")
    one.close()
    two.close()


def transaction_mode(folder: Path) -> str:
    """Return the mode that our settings have."""
    return str(databases.from_url(f"sqlite:///{folder}/db", pool=4)["OPTIONS"]["transaction_mode"])
