"""One try after the other: a visitor's way through the edge, each of them bounded."""

import asyncio
import datetime as dt
import ssl
import time
from collections.abc import Callable

import msgspec
from cryptography import x509
from websockets.exceptions import InvalidHandshake

from deploy.doctor.patient import Ticket
from deploy.drill.wire import Hangup, Refused, Socket, connect
from deploy.errors import StackError
from deploy.watch import trust
from deploy.watch.figures import Figures, Reason
from deploy.watch.site import Site

SECONDS = 10.0  # that a try may take: long enough for a busy host, far too long for people
LOGIN_SECONDS = 30.0  # that the app's manage.py may take
TICKET_SECONDS = 1800.0  # after which it is asked again; a ticket holds for an hour


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
        try:
            seconds = await self._there_and_back(await self._login())
        except Failed as failure:
            self._ticket = None  # it may be its fault
            self.figures.failed(failure.reason)
            self._tell(failure.reason, f"no message comes back: {failure}")
        else:
            self.figures.came_back(seconds)
            self._tell(None, f"messages come back, this one after {seconds * 1000:.0f} ms")
            if self.site.address.secure:
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

    async def _there_and_back(self, ticket: Ticket) -> float:
        """Send a message and read it back; give the seconds since the handshake began."""
        began = time.monotonic()
        try:
            async with asyncio.timeout(SECONDS), connect(self.site.address, ticket.cookie) as socket:
                self._look(socket)
                await socket.welcome()
                await socket.join(ticket.room)
                await socket.echo(ticket.room, "probe")
                return time.monotonic() - began
        except ssl.SSLCertVerificationError as error:
            raise Failed("certificate", error) from None
        except TimeoutError:
            raise Failed("late", f"not within {SECONDS:g} s") from None
        except OSError as error:
            raise Failed("connect", error) from None
        except InvalidHandshake as error:
            raise Failed("handshake", error) from None
        except (Hangup, Refused, msgspec.MsgspecError) as error:
            raise Failed("refused", error) from None

    def _look(self, socket: Socket) -> None:
        """Note when the certificate ends; a browser lets nobody past one that has."""
        shown = socket.connection.transport.get_extra_info("ssl_object")
        if shown is None:  # plain http
            return
        certificate = x509.load_der_x509_certificate(shown.getpeercert(binary_form=True))
        self.figures.certificate(certificate)
        ends = certificate.not_valid_after_utc
        if ends <= dt.datetime.now(dt.UTC):
            raise Failed("certificate", f"ended at {ends:%Y-%m-%d %H:%M} UTC")
