"""One try after the other: a visitor's way through the edge, each of them bounded."""

import asyncio
import datetime as dt
import ssl
import time
from collections.abc import Callable

import msgspec
from cryptography import x509
from websockets.exceptions import InvalidHandshake

from deploy.effects.client.websocket_client import Hangup, Refused, connect
from deploy.errors import StackError
from deploy.operations.doctor.target import Ticket
from deploy.operations.rollout.probe import ask
from deploy.operations.watch import trust
from deploy.operations.watch.figures import Figures, Reason
from deploy.operations.watch.site import Asked, Site

SECONDS = 10.0  # that a try may take: long enough for a busy host, far too long for people
LOGIN_SECONDS = 30.0  # that the app's manage.py may take
TICKET_SECONDS = 1800.0  # after which it is asked again; a ticket holds for an hour

# What is said of a try, when it goes well and when it does not.
MESSAGES = "messages come back, this one", "no message comes back"
ANSWERS = "the site answers, this time", "the site does not answer"


class Failed(Exception):  # noqa: N818 (a finding)
    """A try that failed; the message says how."""

    def __init__(self, reason: Reason, why: object) -> None:
        super().__init__(f"{reason}: {type(why).__name__} {why}" if isinstance(why, Exception) else f"{reason}: {why}")
        self.reason: Reason = reason


class Tries:
    """Tries for ever, and says in a line when it begins to go well or badly."""

    def __init__(self, site: Site, figures: Figures, say: Callable[[str], None]) -> None:
        self.site = site
        self.figures = figures
        self._say = say
        self._said: str | None = ""  # the last line's reason; None: it went well
        self._ticket: Ticket | None = None
        self._asked = 0.0
        self._refused: str | None = None  # why a browser would not take the certificate, as it was said

    async def once(self) -> None:
        """Try, and count what comes of it."""
        well, badly = MESSAGES if self.site.asked is None else ANSWERS
        try:
            seconds = await self._tried()
        except Failed as failure:
            self._ticket = None  # it may be its fault
            self.figures.failed(failure.reason)
            self._tell(failure.reason, f"{badly}: {failure}")
        else:
            self.figures.came_back(seconds)
            self._tell(None, f"{well} after {seconds * 1000:.0f} ms")
            if self.site.address.tls:
                await self._judge()

    async def for_ever(self, every: float) -> None:
        """Try every so many seconds, from the last one's beginning on."""
        while True:
            began = time.monotonic()
            await self.once()
            await asyncio.sleep(max(0.0, began + every - time.monotonic()))

    def _tell(self, state: Reason | None, line: str) -> None:
        if state != self._said:
            self._said = state
            self._say(line)

    async def _judge(self) -> None:
        """Note whether a browser would take the certificate, and say it when that changes: a message needs none."""
        try:
            names = trust.names(self.site.environment, self.site.address)
            refused = await trust.refusal(self.site.address, names, self.site.own)
        except OSError:  # TimeoutError among them: the next try says what this is
            return
        self.figures.accepted(accepted=not refused)
        if refused != self._refused:
            self._refused = refused
            self._say(f"a browser refuses the certificate: {refused}" if refused else "a browser takes the certificate")

    async def _login(self) -> Ticket:
        """Give a ticket that holds, asking the app for one now and then."""
        now = time.monotonic()
        if self._ticket is None or now - self._asked > TICKET_SECONDS:
            try:
                async with asyncio.timeout(LOGIN_SECONDS):
                    self._ticket = await self.site.ticket()
            except (StackError, OSError) as error:  # TimeoutError among them
                raise Failed("login", error) from None
            self._asked = now
        return self._ticket

    async def _tried(self) -> float:
        """Take the visitor's way; give the seconds since its handshake began."""
        way = self._answers(self.site.asked) if self.site.asked else self._there_and_back(await self._login())
        began = time.monotonic()
        try:
            async with asyncio.timeout(SECONDS):
                await way
            return time.monotonic() - began
        except ssl.SSLCertVerificationError as error:
            raise Failed("certificate", error) from None
        except TimeoutError:
            raise Failed("late", f"not within {SECONDS:g} s") from None
        except OSError as error:
            raise Failed("connect", error) from None
        except InvalidHandshake as error:
            raise Failed("handshake", error) from None
        except (Hangup, Refused, StackError, msgspec.MsgspecError) as error:
            raise Failed("refused", error) from None

    async def _there_and_back(self, ticket: Ticket) -> None:
        """Send a message and read it back."""
        async with connect(self.site.address, ticket.cookie) as socket:
            self._look(socket.connection.transport)
            await socket.welcome()
            await socket.join(ticket.room)
            await socket.echo(ticket.room, "probe")

    async def _answers(self, asked: Asked) -> None:
        """Ask for the page and for the handshakes; one that the project refuses has been answered."""
        address = self.site.address
        if address.tls:
            host, port = address.dialled
            _, writer = await asyncio.open_connection(host, port, ssl=address.tls, server_hostname=address.hostname)
            try:
                self._look(writer.transport)
            finally:
                writer.transport.abort()
        await ask(address, asked.page, asked.sockets)

    def _look(self, transport: asyncio.BaseTransport) -> None:
        """Note when the certificate ends; a browser lets nobody past one that has."""
        shown = transport.get_extra_info("ssl_object")
        if shown is None:  # plain http
            return
        certificate = x509.load_der_x509_certificate(shown.getpeercert(binary_form=True))
        self.figures.certificate(certificate)
        ends = certificate.not_valid_after_utc
        if ends <= dt.datetime.now(dt.UTC):
            raise Failed("certificate", f"ended at {ends:%Y-%m-%d %H:%M} UTC")
