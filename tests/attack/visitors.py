"""Who fuzzes: nobody, a guest, a person and an admin, who come in again when what they did put them out."""

import asyncio
import itertools
from pathlib import Path

import psycopg

from deploy.effects.client.address import Address
from deploy.effects.client.http_client import HttpClient
from tests.attack.requests import Request
from tests.attack.wire import Gone, WebSocket, answer, header, opened
from tests.behaviour.people import PASSWORD
from tests.postgres import USER
from tests.running import RunningStack

MADE_ADMIN = "UPDATE accounts_user SET is_staff = true, is_superuser = true WHERE username = %s"


class Visitors:
    """The browsers of the four, on one stack over one PostgreSQL."""

    def __init__(self, stack: RunningStack, cluster: Path) -> None:
        self.stack = stack
        self.cluster = cluster
        self.numbers = itertools.count(1)
        self.browsers: dict[str, HttpClient] = {}
        self.doubtful: set[str] = set()

    def browser(self, kind: str) -> HttpClient:
        """Give the browser of one of the four, who is in."""
        found = self.browsers.get(kind)
        if found is None or (kind in self.doubtful and not self._is_in(kind, found)):
            found = self.browsers[kind] = asyncio.run(self._enter(kind))
        self.doubtful.discard(kind)
        return found

    def sign_up(self, username: str) -> HttpClient:
        """Sign up under a name that nobody has."""
        browser = HttpClient(self.stack.pinned(0))
        asyncio.run(_sign_up(browser, username))
        return browser

    def make(self) -> None:
        """Make what the fuzzers name: a person, a room that everybody may enter, and one of members."""
        browser = self.sign_up("fuzzed")
        for title, kind in (("Fuzzed", "public"), ("Closed", "members")):
            assert asyncio.run(browser.post("/rooms/", {"title": title, "kind": kind})).status == 302

    def opened(self, kind: str, address: Address) -> WebSocket:
        """Open a socket and be greeted; as somebody new where a conversation before ended the session."""
        socket = opened(address, self.browser(kind).cookie)
        try:
            socket.until(lambda frame: frame["type"] == "welcome")
        except Gone:
            del self.browsers[kind]
            socket.connection.close()
            socket = opened(address, self.browser(kind).cookie)
            socket.until(lambda frame: frame["type"] == "welcome")
        return socket

    def ask(self, request: Request) -> tuple[int, str]:
        """Send a request, and give the status and the text of its answer."""
        browser = self.browser(request.visitor)
        address = self.stack.pinned(0) if request.way else self.stack.address
        token = {"wrong": "x" * 64, "missing": ""}.get(request.csrf, browser.cookies.get("csrftoken", ""))
        kind, body = request.body(token)
        lines = header(
            address, Cookie=browser.cookie, Connection="close", Content_Length=str(len(body)), Content_Type=kind
        )
        if origin := address.origin if request.origin == "own" else request.origin:
            lines += f"Origin: {origin}\r\n"
        if request.csrf == "header":
            lines += f"X-CSRFToken: {token}\r\n"
        lines = lines.replace("X-Forwarded-For: 127.0.0.1", f"X-Forwarded-For: 10.0.0.{request.way}")
        target = f"{request.path}?{request.query}" if request.query else request.path
        head = f"{request.method} {target} HTTP/1.1\r\n{lines}\r\n"
        status, text = answer(address, head.encode("latin-1") + body, request.method)
        if status in {302, 403, 404}:
            self.doubtful.add(request.visitor)
        return status, text.decode(errors="replace")

    def _is_in(self, kind: str, browser: HttpClient) -> bool:
        return kind == "nobody" or asyncio.run(browser.get("/admin/" if kind == "admin" else "/")).status == 200

    async def _enter(self, kind: str) -> HttpClient:
        browser = HttpClient(self.stack.pinned(0))
        if kind == "nobody":
            await browser.get("/accounts/login/")
        elif kind == "guest":
            await browser.guest("Guest")
        else:
            name = f"{kind}{next(self.numbers)}"
            await _sign_up(browser, name)
        if kind == "admin":
            with psycopg.connect(host=str(self.cluster), user=USER, dbname="postgres", autocommit=True) as database:
                database.execute(MADE_ADMIN, (name,))
        return browser


async def _sign_up(browser: HttpClient, username: str) -> None:
    fields = {"username": username, "name": username, "password1": PASSWORD, "password2": PASSWORD}
    assert (await browser.post("/accounts/signup/", fields)).status == 302
