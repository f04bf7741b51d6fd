"""Who is behind a socket: the welcome, logging in and out inside it, and the end of a session."""

import logging
from typing import Any, NamedTuple, cast

from django.conf import settings

from accounts.credentials import BadCredentials, Locked
from accounts.models import User
from accounts.newcomers import TooManyPeople, newcomer_admit
from accounts.newness import BannedBefore, address_ask
from accounts.sessions import session_end, session_open
from chat import frames, limits
from chat.log import Unavailable
from chat.revocation_watcher import BANNED, NO_SESSION
from chat.runtime import runtime
from chat.selectors import rooms_kept
from parley_serving import ids, metrics
from parley_serving.addresses import network_of
from parley_serving.bucket import Bucket
from parley_serving.protocol import RESTART
from parley_serving.turns import Full
from realtime.consumer import SocketConsumer
from realtime.frame import Frame
from realtime.socket import Socket

log = logging.getLogger(__name__)

TRY_LATER = 1013


class PersonConsumer(SocketConsumer):
    """A socket with a person and a session; the watch ends it when either may not go on."""

    def __init__(self) -> None:
        self.runtime = runtime()
        self.bucket = Bucket(rate=settings.FRAMES_PER_SECOND, burst=settings.BURST)
        self.shared = self.runtime.buckets.of(0)  # nobody's, until it is known whose
        self.due = 0.0  # at once: the session may have ended since the handshake read it

    async def connect(self) -> None:
        """Say who this is and what holds here; refuse after the accept: a browser can read why (pitfalls B13)."""
        scope: Any = self.scope
        self.user = cast("User", scope["user"])
        self.session: str = scope["session_key"]
        code = self.why_closed()
        socket = await self.accept()
        if code:
            self.tell_refused(code)
            socket.close(code)
            return
        socket.person, socket.address = self.user.pk, self.address
        ids.bind(user=self.user.pk)
        log.debug("socket opened")
        self.shared = self.runtime.buckets.of(self.user.pk)
        self.runtime.process.sockets.add(socket)
        self.runtime.watch.visitors.add(self)
        if self.user.guest and not self.user.arrived:
            self.runtime.arrivals.add(self.user.pk)
        self.welcome()

    def why_closed(self) -> int:
        """Return the code this handshake is closed with, 0 for none."""
        sockets = self.runtime.process.sockets
        if self.runtime.process.is_draining:
            return RESTART
        if not self.user.is_authenticated or (self.user.guest and not settings.GUESTS):
            return NO_SESSION
        if self.user.banned:
            return BANNED
        return TRY_LATER if sockets.are_full(person=self.user.pk, address=self.address) else 0

    def tell_refused(self, code: int) -> None:
        """Count a socket that is refused for what its person is or has, and say whose it is."""
        if code == BANNED:
            metrics.refuse("banned")
            log.info("a socket is refused: person %s is banned", self.user.pk)
        elif code == TRY_LATER:
            metrics.turn_away("sockets")
            log.warning("a socket is refused, too many are open: person %s address=%s", self.user.pk, self.address)

    def welcome(self, ticket: str | None = None, ref: int | str | None = None) -> None:
        """Tell who this socket is, and what holds."""
        fields = {"ticket": ticket} if ticket else {}
        self.tell(
            "welcome",
            ref=ref,
            protocol=1,
            server=settings.RELEASE,
            instance=settings.INSTANCE,
            you={"id": self.user.pk, "name": self.user.name, "guest": self.user.guest},
            limits={
                "text_chars": limits.TEXT_CHARACTERS,
                "frames_per_second": settings.FRAMES_PER_SECOND,
                "burst": settings.BURST,
            },
            heartbeat_seconds=limits.HEARTBEAT_SECONDS,
            features=frames.FEATURES,
            **fields,
        )

    def left(self, socket: Socket) -> None:
        """Let everything go; never waits, runs whatever ended the socket (pitfalls B1)."""
        log.debug("socket ended")
        self.runtime.process.sockets.discard(socket)
        self.runtime.watch.visitors.discard(self)

    # Logging in and out

    async def on_login(self, frame: frames.Login) -> None:
        """Become somebody who signed up; the page fetches the cookie with the ticket."""
        if self.has_open_sends():
            self.tell_unavailable(ref=frame.ref)  # a client never repeats a key under another id
            return
        try:
            user = await self.runtime.log_in(username=frame.username, password=frame.password, address=self.address)
            session, ticket = await self.runtime.sessions(session_open, user=user, address=self.address)
            # Last, and where the watch reads: what it reads after this it applies to who we are then.
            kept = await self.runtime.log.ask(rooms_kept, user, self.rooms)
        except BadCredentials:
            self.tell("error", code="bad_credentials", detail="no such username and password", ref=frame.ref)
        except Locked as locked:
            detail, wait = "too many tries", locked.seconds * 1000
            self.tell("error", code="rate_limited", detail=detail, retry_ms=wait, ref=frame.ref)
        except Full as full:
            detail, wait = "too many log in now", full.seconds * 1000
            self.tell("error", code="unavailable", detail=detail, retry_ms=wait, ref=frame.ref)
        except Unavailable:
            self.tell_unavailable(ref=frame.ref)
        else:
            for room in self.rooms - kept:
                self.remove(room, "removed")
            self.become(user, session)
            self.welcome(ticket, frame.ref)

    async def on_logout(self, frame: frames.Logout) -> None:
        """End the session everywhere; this socket goes on as a guest, where guests are let in from its address."""
        await self.sends_answered()
        ended = self.session
        try:
            opened = await self.runtime.sessions(_guest_open, self.address) if settings.GUESTS else None
            if opened is not None:
                # The new session from here on: what the watch reads of the old one must not close this socket.
                self.session = opened.session
            await self.runtime.sessions(session_end, key=ended)
        except Unavailable:
            self.session, self.due = ended, 0.0  # it may have ended all the same: the watch finds out
            self.tell_unavailable(ref=frame.ref)
            return
        if opened is None:
            self.end(NO_SESSION)
            return
        self.leave_rooms()
        self.become(opened.user, opened.session)
        self.welcome(opened.ticket, frame.ref)

    def become(self, user: User, session: str) -> None:
        """Go on as somebody else, who may be in the rooms that are joined; these see one leave and another come."""
        before, self.user, self.session, self.due = self.user, user, session, 0.0
        ids.bind(user=user.pk)
        self.shared = self.runtime.buckets.of(user.pk)
        if self.socket is not None:
            self.runtime.process.sockets.change(self.socket, person=user.pk)
            for feed in self.socket.feeds.values():
                self.runtime.process.presence.leave(feed.room, before.pk)
                self.runtime.process.presence.enter(feed.room, user.pk, user.name, guest=user.guest)

    # For the watch

    @property
    def person(self) -> int:
        """The id of who this is."""
        return self.user.pk

    @property
    def password(self) -> str:
        """The hash that the session was opened under."""
        return self.user.password

    @property
    def rooms(self) -> set[int]:
        """The rooms that this socket reads."""
        return {feed.room for feed in self.socket.feeds.values()} if self.socket is not None else set()

    def rename(self, name: str) -> None:
        """Go on under this name: what is written from now on, and who is seen in the rooms, has it."""
        if name != self.user.name:
            self.user.name = name
            self.runtime.process.presence.rename(self.user.pk, name)

    def remove(self, room: int, reason: str) -> None:
        """Take this socket out of a room that it may not read any more; to be overridden."""

    def end(self, code: int) -> None:
        """Close this socket."""
        if self.socket is not None:
            self.socket.close(code)

    # For the rooms

    @property
    def address(self) -> str:
        """What counts as where this socket comes from: by the address that the trusted proxy says."""
        return network_of(self.scope)

    def has_open_sends(self) -> bool:
        """Say whether a send is not answered yet; to be overridden."""
        return False

    async def sends_answered(self) -> None:
        """Wait until every send is answered; to be overridden."""

    def leave_rooms(self) -> None:
        """Leave every room and say so; to be overridden."""

    def tell(self, kind: str, **fields: Any) -> None:
        """Write one small frame."""
        if kind == "error":
            metrics.refuse(fields["code"])
        if self.socket is not None:
            self.socket.write(Frame(frames.message(kind, **fields)))

    def tell_unavailable(self, **echo: Any) -> None:
        """The database does not answer: the client repeats, with the same key."""
        detail = "the log does not answer; repeat with the same key"
        self.tell("error", code="unavailable", detail=detail, retry_ms=limits.RETRY_MILLISECONDS, **echo)


class Opened(NamedTuple):
    """A session that was opened inside a socket."""

    user: User
    session: str
    ticket: str


def _guest_open(address: str) -> Opened | None:
    """Make a guest with a session, who has a socket already; None where no new guest is let in from this address."""
    try:
        address_ask(address)
        newcomer_admit(address=address)
    except (BannedBefore, TooManyPeople):
        return None
    guest = User.objects.create_guest(name=limits.GUEST_NAME, arrived=True)
    return Opened(guest, *session_open(user=guest, address=address))
