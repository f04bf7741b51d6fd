"""A real message through one instance: the last thing asked of it before the next one is replaced.

It goes to a members-only room that nobody but the probe's own person is in, so nobody's room is written to; and it
takes the whole way: the log-in, the socket, the commit, the feed.
"""

import asyncio
import sys

import msgspec
from websockets.exceptions import InvalidHandshake

from deploy.drill.address import Address
from deploy.drill.wire import Hangup, Refused, connect
from deploy.errors import BadInputError, StackError

SECONDS = 20.0


class Ticket(msgspec.Struct, forbid_unknown_fields=True):
    """What the probe is let in with: the site's URL, a Cookie header, and a room."""

    site: str
    cookie: str
    room: str


def probe(bind: str) -> str:
    """Probe the instance that listens at `bind` with the ticket on stdin, and say so in a line; raises StackError."""
    try:
        ticket = msgspec.json.decode(sys.stdin.buffer.read(), type=Ticket)
        address = Address.at(ticket.site).bound(bind)
    except (msgspec.MsgspecError, ValueError) as error:
        raise BadInputError(f"probe: {error}") from None
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
