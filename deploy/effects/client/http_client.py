"""A browser without a page: cookies, forms and Django's CSRF token, over https or one instance's unix socket."""

import asyncio
import http.client
import re
from collections.abc import Mapping
from dataclasses import dataclass
from http.cookies import SimpleCookie
from typing import Any
from urllib.parse import urlencode

import msgspec

from deploy.effects.client.address import Address

PATIENCE = 60.0  # a bound for a busy machine; a witness brings its own


class LoginError(Exception):
    """The site did not let the visitor in; the message says what it answered."""


@dataclass(frozen=True)
class Reply:
    """One HTTP answer: status, headers with lower-case names, and the body."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def text(self) -> str:
        """The body as UTF-8."""
        return self.body.decode()

    def json(self) -> Any:
        """Decode the body, or raise msgspec.DecodeError."""
        return msgspec.json.decode(self.body)


class HttpClient:
    """One visitor of the site, who keeps cookies from request to request and follows no redirect."""

    def __init__(self, address: Address, *, timeout: float = PATIENCE) -> None:
        self.address = address
        self.timeout = timeout
        self.cookies: dict[str, str] = {}

    @property
    def cookie(self) -> str:
        """All cookies, as the Cookie header has them."""
        return "; ".join(f"{name}={value}" for name, value in self.cookies.items())

    async def get(self, path: str, headers: Mapping[str, str] | None = None) -> Reply:
        """Ask for a page; raises OSError when nobody answers in time."""
        return await asyncio.to_thread(self._request, "GET", path, b"", dict(headers or {}))

    async def post(
        self, path: str, fields: Mapping[str, str] | None = None, headers: Mapping[str, str] | None = None
    ) -> Reply:
        """Send a form with the CSRF token, fetched from the log-in page when there is none yet."""
        if not self._named("csrftoken"):
            await self.get("/accounts/login/")
        form = {**(fields or {}), "csrfmiddlewaretoken": self._named("csrftoken")}
        own = {"Content-Type": "application/x-www-form-urlencoded", **self._own_site("/accounts/login/")}
        sent = {**own, **(headers or {})}
        return await asyncio.to_thread(self._request, "POST", path, urlencode(form).encode(), sent)

    async def guest(self, name: str) -> str:
        """Become a guest and give the Cookie header of the new session; raises LoginError."""
        return await self._enter("/accounts/guest/", {"name": name})

    async def login(self, username: str, password: str) -> str:
        """Log in with a password and give the Cookie header of the session; raises LoginError."""
        return await self._enter("/accounts/login/", {"username": username, "password": password})

    async def _enter(self, path: str, fields: Mapping[str, str]) -> str:
        reply = await self.post(path, fields)
        if reply.status != http.HTTPStatus.FOUND or not self._named("sessionid"):
            gist = re.sub(r"<[^>]*>|\s+", " ", reply.body.decode(errors="replace"))[:200].strip()
            raise LoginError(f"POST {path} answered {reply.status}: {gist}")
        return self.cookie

    def _named(self, name: str) -> str:
        """Return a cookie's value, whatever `site.cookie_prefix` is; empty where there is none."""
        return next((value for key, value in self.cookies.items() if key.endswith(name)), "")

    def _own_site(self, page: str) -> dict[str, str]:
        return {"Origin": self.address.origin, "Referer": self.address.origin + page}

    def _request(self, method: str, path: str, body: bytes, headers: dict[str, str]) -> Reply:
        connection = http.client.HTTPConnection(self.address.host, timeout=self.timeout)
        connection.sock = self.address.dial(self.timeout)
        sent = {"Host": self.address.host, **self.address.forwarded, **headers}
        if self.cookies:
            sent["Cookie"] = self.cookie
        try:
            connection.request(method, path, body or None, sent)
            answer = connection.getresponse()
            self._keep(answer.headers.get_all("Set-Cookie") or [])
            return Reply(answer.status, {k.lower(): v for k, v in answer.getheaders()}, answer.read())
        except http.client.HTTPException as error:  # half an answer is no answer
            raise ConnectionError(f"{method} {path}: {error!r}") from error
        finally:
            connection.close()

    def _keep(self, headers: list[str]) -> None:
        for header in headers:
            for name, morsel in SimpleCookie(header).items():
                if morsel["max-age"] == "0" or not morsel.value:
                    self.cookies.pop(name, None)
                else:
                    self.cookies[name] = morsel.value


async def guest(address: Address, name: str) -> str:
    """Become a guest at this address and give the Cookie header of the session."""
    return await HttpClient(address).guest(name)
