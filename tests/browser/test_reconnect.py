"""clients/reconnect.js in Chromium: against a server that the test plays, and against the real stack's instances."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Iterator
from http import HTTPStatus
from typing import Any

import pytest
from playwright.async_api import Browser, Page, async_playwright
from websockets.asyncio.server import ServerConnection, serve
from websockets.datastructures import Headers
from websockets.http11 import Request, Response

from tests import stock
from tests.browser.conftest import FLAGS, WAIT_MS
from tests.checkout import ROOT
from tests.running import RunningStack, changed_checkout, running_stack

pytestmark = pytest.mark.browser

SCRIPT = (ROOT / "clients" / "reconnect.js").read_text()
# What a page does, with everything that it is told kept; `random` decides every wait.
CONNECT = """
window.told = [];
window.connect = (url, random, many = 1) => {
  window.sockets = Array.from({length: many}, (_, number) => {
    const socket = new ReconnectingSocket(url, [], {random: random === null ? Math.random : () => random});
    const tell = (...what) => window.told.push(many === 1 ? what : [number, ...what]);
    socket.onopen = () => tell("open");
    socket.onmessage = ({data}) => tell("message", data);
    socket.addEventListener("reconnecting", ({detail}) => tell("reconnecting", detail.code, detail.wait));
    socket.onclose = ({code}) => tell("close", code);
    return socket;
  });
  window.socket = window.sockets[0];
};
"""
PAGE = f"<!doctype html><title>page</title><script>{SCRIPT}</script><script>{CONNECT}</script>"
HOUR_MS = 3_600_000  # where the page's clock stands: any time after its load
ABORT = 1006  # the code that a browser has for an end without a close frame


class Server:
    """Serves the page under every path, and takes sockets, which the test closes or talks to."""

    def __init__(self) -> None:
        self.sockets: asyncio.Queue[ServerConnection] = asyncio.Queue()
        self.heard: asyncio.Queue[str | bytes] = asyncio.Queue()
        self.url = ""

    async def take(self, socket: ServerConnection) -> None:
        self.sockets.put_nowait(socket)
        async for message in socket:
            self.heard.put_nowait(message)

    def page(self, _: ServerConnection, request: Request) -> Response | None:
        if "Upgrade" in request.headers:
            return None
        body = PAGE.encode()
        headers = Headers({"Content-Type": "text/html", "Content-Length": str(len(body)), "Connection": "close"})
        return Response(HTTPStatus.OK, "OK", headers, body)

    async def next(self) -> ServerConnection:
        """Wait for the next socket."""
        async with asyncio.timeout(WAIT_MS / 1000):
            return await self.sockets.get()


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    """A server of its own for each test."""
    played = Server()
    async with serve(played.take, "localhost", 0, process_request=played.page, close_timeout=1) as running:
        played.url = f"http://localhost:{running.sockets[0].getsockname()[1]}"
        yield played


@pytest.fixture
async def page(server: Server, browser: Browser) -> Page:
    """A page with the script, which has connected to nothing yet; at the end the browser goes first.

    It connects ahead of what a page asks for, and a server that closes leaves what it has just accepted open.
    """
    return await opened(browser, server.url)


async def opened(browser: Browser, url: str) -> Page:
    page = await (await browser.new_context(ignore_https_errors=True)).new_page()
    page.set_default_timeout(WAIT_MS)
    await page.goto(f"{url}/")
    return page


async def until(page: Page, told: list[list[Any]]) -> None:
    """Wait until the page was told so much, and compare."""
    await page.wait_for_function("number => window.told.length >= number", arg=len(told))
    assert await page.evaluate("window.told") == told


async def still(page: Page) -> None:
    """Have the page's timers fire by the test's word alone."""
    await page.clock.install(time=0)
    await page.clock.pause_at(HOUR_MS)


async def end(socket: ServerConnection, code: int) -> None:
    """Close, or cut."""
    if code == ABORT:
        socket.transport.abort()
    else:
        await socket.close(code)


async def test_it_comes_back(page: Page, server: Server) -> None:
    """After each of these; the page hears of the loss, and its handlers stay: what it sends goes to the new socket."""
    for code in (1001, ABORT, 1011, 1012, 1013, 4408, 4429):
        await page.evaluate("told.length = 0; connect('/ws/a/', 0)")
        await end(await server.next(), code)
        socket = await server.next()
        assert socket.request is not None
        assert socket.request.path == "/ws/a/"
        await socket.send("hello")
        await until(page, [["open"], ["reconnecting", code, 0], ["open"], ["message", "hello"]])
        await page.evaluate("socket.send('back')")
        assert await server.heard.get() == "back"
        await page.evaluate("socket.onclose = null; socket.close()")
        await socket.wait_closed()


async def test_it_stays_away(page: Page, server: Server) -> None:
    """Where the application says that it means it."""
    for code in (1000, 1008, 4000, 4001, 4401, 4403):
        await page.evaluate("told.length = 0; connect('/ws/a/', 0)")
        await end(await server.next(), code)
        await until(page, [["open"], ["close", code]])
        assert await page.evaluate("socket.readyState") == 3
        await page.evaluate("dispatchEvent(new Event('online'))")
        assert server.sockets.empty()


async def test_the_page_s_own_word_ends_it(page: Page, server: Server) -> None:
    """While it is open, and between two sockets, where nothing but a timer is left."""
    await page.evaluate("connect('/ws/a/', 1)")
    socket = await server.next()
    await until(page, [["open"]])
    await page.evaluate("socket.close(4002, 'enough')")
    await socket.wait_closed()
    assert (socket.close_code, socket.close_reason) == (4002, "enough")
    await until(page, [["open"], ["close", 4002]])
    await page.evaluate("told.length = 0; connect('/ws/a/', 1)")
    await end(await server.next(), 1012)
    await until(page, [["open"], ["reconnecting", 1012, 5000]])
    assert await page.evaluate("socket.close() ?? socket.readyState") == 3
    await until(page, [["open"], ["reconnecting", 1012, 5000], ["close", 1000]])


@pytest.mark.parametrize("code", [1012, 1013])
async def test_the_server_s_window_is_the_least(page: Page, server: Server, code: int) -> None:
    """Everybody of an instance comes back within it, and later where that fails again and again."""
    await still(page)
    await page.evaluate("connect('/ws/a/', 1)")
    told: list[list[Any]] = []
    for wait in (5000, 5000, 5000, 5000, 8000):
        await end(await server.next(), code)
        told += [["open"], ["reconnecting", code, wait]]
        await until(page, told)
        await page.clock.run_for(wait)


async def test_the_cap_holds_and_a_stable_socket_starts_anew(page: Page, server: Server) -> None:
    """Nobody waits longer than 30 s; after half a minute of a socket the first ceiling holds again."""
    await still(page)
    await page.evaluate("connect('/ws/a/', 1)")
    told: list[list[Any]] = []
    for wait in (500, 1000, 2000, 4000, 8000, 16_000, 30_000, 30_000):
        await end(await server.next(), ABORT)
        told += [["open"], ["reconnecting", ABORT, wait]]
        await until(page, told)
        await page.clock.run_for(wait)
    socket = await server.next()
    await until(page, told := [*told, ["open"]])
    await page.clock.run_for(30_000)
    await end(socket, ABORT)
    await until(page, [*told, ["reconnecting", ABORT, 500]])


async def test_a_handshake_that_nobody_answers_is_given_up(page: Page, server: Server) -> None:
    """A frozen server takes the connection and says nothing."""

    given_up = asyncio.Event()

    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()
        await writer.wait_closed()
        given_up.set()

    await still(page)
    async with await asyncio.start_server(silent, "localhost", 0) as frozen, asyncio.timeout(WAIT_MS / 1000):
        port = frozen.sockets[0].getsockname()[1]
        await page.evaluate(f"connect('ws://localhost:{port}/', 1)")
        await page.clock.run_for(10_000)
        await until(page, [["reconnecting", ABORT, 500]])
        await given_up.wait()


async def test_between_two_sockets_send_throws(page: Page, server: Server) -> None:
    """So a form that clears itself after the send keeps its text."""
    await page.evaluate("connect('/ws/a/', 1)")
    await end(await server.next(), ABORT)
    await until(page, [["open"], ["reconnecting", ABORT, 500]])
    name = await page.evaluate("(() => { try { socket.send('x'); } catch (error) { return error.name; } })()")
    assert name == "InvalidStateError"
    assert await page.evaluate("socket.readyState") == 0


async def test_the_network_s_return_ends_the_wait(page: Page, server: Server) -> None:
    """But not where the server said that it is full."""
    await still(page)
    await page.evaluate("connect('/ws/a/', 1)")
    socket = await server.next()
    await until(page, [["open"]])
    await page.context.set_offline(True)
    await end(socket, ABORT)
    await until(page, [["open"], ["reconnecting", ABORT, 500]])
    await page.context.set_offline(False)
    await end(await server.next(), 1013)
    await page.wait_for_function("told.at(-1)[1] === 1013")
    await page.evaluate("dispatchEvent(new Event('online'))")
    assert await page.evaluate("socket.readyState") == 0
    assert server.sockets.empty()


async def test_a_page_out_of_the_browser_s_cache_connects_again(server: Server, chromium: str) -> None:
    """An open socket would keep it out of there; it leaves in good order, and comes back as the page that it was."""
    cached = {"ignore_default_args": ["--disable-back-forward-cache"]}  # which Playwright turns off
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium, args=list(FLAGS), **cached)  # type: ignore[arg-type]
        page = await opened(browser, server.url)
        await page.evaluate("connect('/ws/a/', 1); socket.onopen = () => socket.send(told.join()); 0")
        socket = await server.next()
        assert await server.heard.get() == ""
        await page.evaluate("told.push('kept')")
        await page.goto(f"{server.url}/elsewhere")
        await socket.wait_closed()
        await page.evaluate("setTimeout(() => history.back())")  # Playwright's own waits for a load, which never comes
        await server.next()  # a page that was loaded anew has connected to nothing
        async with asyncio.timeout(WAIT_MS / 1000):
            assert await server.heard.get() == "kept"
        await browser.close()


ADDRESSES = (
    ("https://site.test/", "ws://site.test/ws/", "wss://site.test/ws/"),
    ("https://site.test/a/", "/ws/?b=1", "wss://site.test/ws/?b=1"),
    ("http://localhost/", "/ws/", "ws://localhost/ws/"),
    ("http://localhost/", "wss://other.test/ws/", "wss://other.test/ws/"),
)


async def test_the_address_follows_the_page(browser: Browser) -> None:
    """A page that came by TLS may open no plain socket (pitfalls A3)."""
    page = await (await browser.new_context()).new_page()
    await page.route("**/*", lambda route: route.fulfill(content_type="text/html", body=PAGE))
    for page_url, given, expected in ADDRESSES:
        await page.goto(page_url)
        assert await page.evaluate(f"connect('{given}', 1) ?? socket.url") == expected


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningStack]:
    """A stack with a stock consumer, which knows nothing of Parley."""
    folder = tmp_path_factory.mktemp("reconnect")
    root = changed_checkout(folder / "checkout", *stock.CHANGES)
    with running_stack(folder / "stack", root=root) as running:
        yield running


SOCKETS = 20
ALL_OPEN = "number => sockets.every(({readyState}) => readyState === 1) && told.length >= number"


@pytest.mark.stack
@pytest.mark.parametrize(("how", "code"), [("drain", 1012), ("kill", ABORT)])
async def test_a_real_instance_is_left_and_come_back_from(
    stack: RunningStack, browser: Browser, how: str, code: int
) -> None:
    """Drained or killed: each socket of that instance is lost once and open again, and no page is told of an end."""
    # Playwright asks again by eval, which the site's policy forbids.
    page = await (await browser.new_context(ignore_https_errors=True, bypass_csp=True)).new_page()
    page.set_default_timeout(WAIT_MS)
    await page.goto(f"{stack.url}/accounts/login/")  # any page of this origin
    await page.evaluate(f"{SCRIPT};{CONNECT}; 0")
    await page.evaluate(f"connect('{stock.PATH}', null, {SOCKETS})")
    await page.wait_for_function(ALL_OPEN, arg=SOCKETS)
    if how == "drain":
        os.kill(stack.instances[0].pid, signal.SIGTERM)
        await stack.line("web-1", "drain finished sockets=0")
    else:
        for pid in stack.instances[1].workers():
            os.kill(pid, signal.SIGKILL)
    await page.wait_for_function("told.some(([, what]) => what === 'reconnecting')")
    await page.wait_for_function(ALL_OPEN, arg=SOCKETS + 2)
    told = await page.evaluate("told")
    lost = [number for number, what, *_ in told if what == "reconnecting"]
    assert {one[2] for one in told if one[1] == "reconnecting"} == {code}
    assert 0 < len(lost) == len(set(lost)) < SOCKETS
    assert [one for one in told if one[1] == "close"] == []
