"""A real message through one instance: the last thing asked of it before the next one is replaced.

It goes to a members-only room that nobody but the probe's own person is in, so nobody's room is written to; and it
takes the whole way: the log-in, the socket, the commit, the feed.
"""

import asyncio
import http
import sys
from collections.abc import Sequence
from typing import Any

import msgspec
from websockets.exceptions import InvalidHandshake, InvalidStatus

from deploy.effects.client.address import Address
from deploy.effects.client.http_client import HttpClient
from deploy.effects.client.websocket_client import Hangup, Refused, connect
from deploy.errors import BadInputError, StackError

SECONDS = 20.0


class Ticket(msgspec.Struct, forbid_unknown_fields=True):
    """What the probe is let in with: the site's URL, a Cookie header, and a room."""

    site: str
    cookie: str
    room: str


class Plain(msgspec.Struct, forbid_unknown_fields=True):
    """What is asked of a project without a probe of its own: a page that answers 200, a handshake each, and pages.

    The pages are asked of a new release alone: the image of an older one may have a probe that does not know them.
    """

    site: str
    health: str
    sockets: list[str]
    pages: list[str] = []


def probe(bind: str) -> str:
    """Probe the instance that listens at `bind` with the ticket on stdin, and say so in a line; raises StackError."""
    try:
        given = msgspec.json.decode(sys.stdin.buffer.read(), type=dict[str, Any])
        ticket: Plain | Ticket
        ticket = msgspec.convert(given, Plain) if "sockets" in given else msgspec.convert(given, Ticket)
        address = Address.at(ticket.site).bound(bind)
    except (msgspec.MsgspecError, ValueError) as error:
        raise BadInputError(f"probe: {error}") from None
    if isinstance(ticket, Plain):
        asyncio.run(answers(address, ticket))
        return f"probe: {bind} answers, {len(ticket.sockets)} handshakes too"
    seq = asyncio.run(through(address, ticket))
    return f"probe: message {seq} came back from {bind}"


async def through(address: Address, ticket: Ticket) -> int:
    """Send one message and read it back on the same socket; give its seq."""
    try:
        async with asyncio.timeout(SECONDS), connect(address, ticket.cookie) as socket:
            await socket.welcome()
            await socket.join(ticket.room)
            return await socket.echo(ticket.room, "probe")
    except (OSError, InvalidHandshake, Refused, Hangup) as error:  # TimeoutError among them
        raise StackError(f"no message comes through: {type(error).__name__} {error}".rstrip()) from None


async def answers(address: Address, ticket: Plain) -> None:
    """Ask for the pages, and for a socket under each prefix; raise StackError for an answer that a server's failure is.

    Nobody knows which paths below a prefix are a socket's: what is refused has been answered, by the very code that
    sockets come to. So has a page that asks for a log-in.
    """
    try:
        async with asyncio.timeout(SECONDS):
            await ask(address, ticket.health, ticket.sockets, ticket.pages)
    except (OSError, InvalidHandshake) as error:
        raise StackError(f"no handshake comes through: {type(error).__name__} {error}".rstrip()) from None


async def ask(address: Address, health: str, sockets: Sequence[str], pages: Sequence[str] = ()) -> None:
    """Do it without a bound; raise what comes of it."""
    client = HttpClient(address)
    if health and (status := (await client.get(health)).status) != http.HTTPStatus.OK:
        raise StackError(f"{health} answers {status}")
    for page in pages:
        try:
            status = (await client.get(page)).status
        except OSError as error:
            raise StackError(f"{page} does not answer: {type(error).__name__}") from None
        if status >= http.HTTPStatus.INTERNAL_SERVER_ERROR:
            raise StackError(f"{page} answers {status}")
    for prefix in sockets:
        await _handshake(address, prefix)


async def _handshake(address: Address, prefix: str) -> None:
    try:
        async with connect(address, None, path=prefix):
            pass
    except InvalidStatus as refused:
        if refused.response.status_code >= http.HTTPStatus.INTERNAL_SERVER_ERROR:
            raise StackError(f"a handshake at {prefix} is answered {refused.response.status_code}") from None
