"""The websocket through nginx: opened, refused where it must be, used, and left alone."""

import asyncio
import statistics
import time

from websockets.exceptions import InvalidStatus

from deploy.effects.client.address import Address
from deploy.effects.client.http_client import HttpClient
from deploy.effects.client.websocket_client import Hangup, connect
from deploy.model.health import ALIVE
from deploy.operations.doctor.check import Broken, Check, NotApplicable, require
from deploy.operations.doctor.target import Target

SECONDS = 5.0  # a client gives up a handshake after that, and a message is late (docs/protocol.md)
MESSAGES = 3
OK, FORBIDDEN = 200, 403
WHY = ": is the address of the proxy in front in site.trusted_proxies?"
SERVER_ERROR = "500"  # and above
FOREIGN = "https://attacker.invalid"


async def _status(address: Address, origin: str | None = "own") -> int:
    """Open a socket without a session and give the handshake's status."""
    try:
        async with connect(address, None, timeout=SECONDS, origin=origin):
            return 101
    except InvalidStatus as refused:
        return refused.response.status_code


async def _answer(address: Address, path: str) -> str:
    """Open a socket without a session and give the handshake's status, and the type of what came with it."""
    try:
        async with connect(address, None, timeout=SECONDS, path=path):
            return "101"
    except InvalidStatus as refused:
        return f"{refused.response.status_code} {refused.response.headers.get('Content-Type', '')}".rstrip()


async def upgrades(target: Target) -> str:
    """Tell whether the handshake reaches the app as one; who is refused for the origin has reached it."""
    if not target.is_known:
        return await _passes_on(target)
    status = await _status(target.adapter.address)
    require(status in {101, FORBIDDEN}, f"the handshake is answered with {status} instead of 101")
    return f"status {status}"


async def _passes_on(target: Target) -> str:
    """Compare nginx's answer under each prefix with the one that an instance gives directly.

    Nobody knows which path below a prefix is a socket's, so a project refuses most of them, each in its own way: the
    answer to a page, which it would be without the Upgrade, has another type of content.
    """
    prefixes = target.config.project.sockets
    living = [one.address for one in target.adapter.replicas() if one.environment]
    if not (prefixes and living):
        raise NotApplicable("no instance runs" if prefixes else "the project has no sockets")
    said = []
    for prefix in prefixes:
        wanted, found = await _answer(living[0], prefix), await _answer(target.adapter.address, prefix)
        require(found == wanted, f"the handshake at {prefix} is answered with {found} instead of {wanted}")
        require(found < SERVER_ERROR, f"the handshake at {prefix} is answered with {found}")
        said.append(f"{prefix} {found}")
    return f"the same as past nginx: {', '.join(said)}"


async def own_origin(target: Target) -> str:
    """Open a socket from the site's own pages."""
    status = await _status(target.adapter.address)
    require(status == 101, f"a page of {target.adapter.address.origin} is answered with {status}")
    return f"{target.adapter.address.origin}: 101"


async def foreign_origin(target: Target) -> str:
    """Open a socket from somebody else's page."""
    status = await _status(target.adapter.address, FOREIGN)
    require(status == FORBIDDEN, f"a page of {FOREIGN} is answered with {status}")
    return f"{FOREIGN}: {status}"


async def no_origin(target: Target) -> str:
    """Open a socket without an Origin."""
    status = await _status(target.adapter.address, None)
    require(status == FORBIDDEN, f"a handshake without Origin is answered with {status}")
    return f"no Origin: {status}"


async def message(target: Target) -> str:
    """Send messages and read them back on the same socket."""
    ticket = await asyncio.to_thread(lambda: target.ticket)
    took = []
    async with connect(target.adapter.address, ticket.cookie, timeout=SECONDS) as socket:
        welcome = await socket.welcome(SECONDS)
        await socket.ask("join", SECONDS, room=ticket.room)
        for _ in range(MESSAGES):
            began = time.monotonic()
            async with asyncio.timeout(SECONDS):
                await socket.echo(ticket.room, "doctor")
            took.append(time.monotonic() - began)
    return f"{statistics.median(took) * 1000:.0f} ms there and back through {welcome['instance']}"


async def idle(target: Target) -> str:
    """Leave a socket alone, but for its pings, and use it after that."""
    if not target.idle:
        raise NotApplicable("not asked for: add --idle SECONDS (65 is longer than every timeout)")
    ticket = await asyncio.to_thread(lambda: target.ticket)
    async with connect(target.adapter.address, ticket.cookie, timeout=SECONDS) as socket:
        await socket.welcome(SECONDS)
        began = time.monotonic()
        try:
            code = await socket.closed(target.idle)
        except TimeoutError:
            try:
                await socket.fence(SECONDS)
            except Hangup as hangup:
                code = hangup.code
            else:
                return f"alive after {target.idle:g} s"
        raise Broken(f"cut after {time.monotonic() - began:.0f} s of silence, code {code}")


async def public(target: Target) -> str:
    """Take the way of a visitor, through the proxy in front; a redirect to where it came from would have no end."""
    url = target.config.site.public
    if not url:
        return "site.public names no other one"
    address = Address.at(url)
    try:
        reply = await HttpClient(address, timeout=SECONDS).get(ALIVE)
    except OSError as error:
        raise Broken(f"{url} does not answer: {error}") from None
    loop = reply.headers.get("location") == f"{url}{ALIVE}"
    require(not loop, f"{url}{ALIVE} redirects to itself: the proxy in front says X-Forwarded-Proto: http")
    require(reply.status == OK, f"{url}{ALIVE} answers {reply.status}{WHY if reply.status == FORBIDDEN else ''}")
    if not target.is_known:
        return f"{url} answers"
    status = await _status(address)
    require(status == 101, f"a socket from a page of {url} is answered {status}")
    return f"{url} answers, and opens sockets"


CHECKS = (
    Check(
        "handshakes-are-passed-on",
        "a WebSocket handshake reaches the app through nginx",
        "opens a socket over wss",
        "nginx must forward Upgrade and Connection on /ws/ with HTTP/1.1; uvicorn needs its `standard` extra",
        "docs/pitfalls/N1-upgrade-not-passed.md",
        upgrades,
        ("edge-answers",),
    ),
    Check(
        "own-origin-is-let-in",
        "the site's own pages may open a socket",
        "opens a socket with the site's Origin",
        "add the name that people open to site.hosts; no proxy may change Origin",
        "docs/configuration.md",
        own_origin,
        ("handshakes-are-passed-on",),
        probes=True,
    ),
    Check(
        "foreign-origin-is-refused",
        "other sites' pages may not open a socket",
        f"opens a socket with the Origin {FOREIGN}",
        "no proxy may set Origin: the app compares what the browser sent",
        "docs/pitfalls/P2-origin-not-checked.md",
        foreign_origin,
        ("own-origin-is-let-in",),
        probes=True,
    ),
    Check(
        "missing-origin-is-refused",
        "a client without an Origin may not open a socket",
        "opens a socket without one",
        "no proxy may set Origin: the app compares what the browser sent",
        "docs/pitfalls/P2-origin-not-checked.md",
        no_origin,
        ("own-origin-is-let-in",),
        probes=True,
    ),
    Check(
        "message-comes-back",
        f"a message is stored and comes back within {SECONDS:g} s",
        "sends some into the probe account's own room, as `./parley rollout` does",
        "check first that the database takes writes; then read the instances' last log lines",
        "docs/architecture.md",
        message,
        ("own-origin-is-let-in",),
        probes=True,
    ),
    Check(
        "idle-socket-lives",
        "an idle socket stays open",
        "leaves a socket idle, answers pings, and uses it after that (--idle)",
        "every timeout on the way must be longer than the ping; nginx's proxy_read_timeout is three of them",
        "docs/pitfalls/N2-idle-sockets-cut.md",
        idle,
        ("message-comes-back",),
        probes=True,
    ),
    Check(
        "public-address-answers",
        "the address that people open leads here, through the proxy in front, and its pages may open sockets",
        f"asks site.public for {ALIVE}, and opens a socket there with its own Origin",
        "the proxy in front must pass Host, Upgrade and Connection on, and say X-Forwarded-Proto: https",
        "docs/behind-a-proxy.md",
        public,
        ("edge-answers",),
    ),
)
