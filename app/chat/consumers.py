"""The chat's socket: reads a frame, calls one thing, answers. What is behind it is the runtime's."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any, ClassVar

from django.db import DataError

from chat import frames, limits
from chat.frames import WrongFrameError
from chat.log import Draft, Joined, Refused, Stored, TooMany, Unavailable
from chat.person import PersonConsumer
from chat.selectors import NoSuchRoom
from parley_serving import metrics
from parley_serving.intake import FLOODING
from realtime.feed import Asked, Feed
from realtime.frame import Frame
from realtime.socket import Socket

log = logging.getLogger(__name__)

BINARY = 1003
NOT_JSON = 1007


class ChatConsumer(PersonConsumer):
    """One person's rooms. Frames are taken one after the other; a `send` is answered when it is stored."""

    def __init__(self) -> None:
        super().__init__()
        self.refused = 0  # frames above the rate, in a row
        self.repeats = 0  # frames that may be above it without counting: what a client repeats after `joined`
        self.not_json = 0
        self.known: set[str] = set()  # rooms that this socket joined at least once
        self.ended: set[str] = set()  # rooms that it was taken out of
        self.sending: dict[str, set[asyncio.Future[Stored]]] = {}  # room → sends that are not answered yet

    def left(self, socket: Socket) -> None:
        """Let the rooms go too."""
        super().left(socket)
        for room in list(socket.feeds):
            self.detach(room)

    async def receive(self, text: str | None) -> None:
        """Take one frame and answer it."""
        if text is None:
            self.end(BINARY)
            return
        if wait := self.bucket.take() or self.shared.take():
            self.refuse_flood(text, wait)
            return
        self.refused = 0
        try:
            frame = frames.decode(text)
            await self.handlers[type(frame)](self, frame)
        except WrongFrameError as error:
            self.tell("error", code=error.code, detail=error.detail, **error.echo)
            self.not_json += error.code == "bad_frame"
            if self.not_json >= limits.BAD_FRAMES:
                self.end(NOT_JSON)
        except DataError as error:
            log.warning("a frame has what the database cannot hold: %s", str(error).strip())
            self.tell("error", code="bad_field", detail="the database cannot hold this", **frames.echo_of(text))

    def refuse_flood(self, text: str, wait: float) -> None:
        """Answer a frame above the rate, and close who goes on and on."""
        if self.repeats:
            self.repeats -= 1
        else:
            self.refused += 1
        if self.refused > limits.FLOOD_FRAMES:
            # The line's ids say who: `user` for a ban, `socket` for the address in nginx's log.
            log.warning("a socket is closed for flooding: %d frames refused in a row", self.refused)
            metrics.count("flooded", 1)
            self.end(FLOODING)
            return
        echo = frames.echo_of(text)
        self.tell("error", code="rate_limited", detail="too many frames", retry_ms=int(wait * 1000) + 1, **echo)

    # Frames

    async def on_join(self, frame: frames.Join) -> None:
        """Read a room from where the client stands, and stay."""
        was_in = frame.room in self.feeds()
        self.detach(frame.room)
        if self.socket is None or len(self.socket.feeds) >= limits.ROOMS_PER_SOCKET:
            detail = f"{limits.ROOMS_PER_SOCKET} rooms on one socket"
            raise WrongFrameError("not_allowed", detail, ref=frame.ref, room=frame.room)
        joined = await self.ask(frame, self.enter(frame))
        if joined is None and was_in:
            # After the error, which is a frame of the room as well: a client knows that it is not in it any more.
            await self.leave(frame.room, "refused")
        if not isinstance(joined, Joined) or self.socket.closing is not None:
            return
        self.ended.discard(frame.room)
        if frame.room not in self.known:
            self.known.add(frame.room)
            self.repeats += limits.REPEATED_FRAMES
            self.socket.writer.allow(limits.REPEATED_FRAMES)
        process, person, name = self.runtime.process, self.user.pk, self.user.name
        feed = process.hub.feed(room=joined.room, name=frame.room, head=joined.head)
        process.presence.enter(joined.room, person, name, guest=self.user.guest)
        total, present = process.presence.present(joined.room, person, name)
        fields = {
            "room": frame.room,
            "title": joined.title,
            "epoch": joined.head.epoch,
            "head": joined.head.seq,
            "recovered": joined.recovered,
            "mark": joined.mark,
            "count": total,
            "present": frames.people(present, process.presence.guests(joined.room)),
        }
        self.socket.write(Frame(frames.with_entries("joined", joined.entries, ref=frame.ref, **fields)))
        self.socket.feeds[frame.room] = feed
        feed.attach(self.socket, joined.position, Asked(joined.head.seq, partial(self.runtime.log.catch_up, person)))

    async def on_leave(self, frame: frames.Leave) -> None:
        """Stop reading a room."""
        self.feed(frame, frame.room)
        await self.leave(frame.room, "asked", ref=frame.ref)

    async def on_send(self, frame: frames.Send) -> None:
        """Store a message; the answer goes out after the commit, and nothing waits for it here."""
        feed = self.feed(frame, frame.room, key=frame.key)
        draft = Draft(
            room=feed.room,
            author=self.user.pk,
            author_name=self.user.name,
            guest=self.user.guest,
            key=frame.key,
            text=frame.text,
            reply_to=frame.reply_to,
        )
        future = self.runtime.log.append(draft, partial(self.sent, frame))
        self.sending.setdefault(frame.room, set()).add(future)
        self.runtime.typing.stop(feed.room, self.user.pk)

    def sent(self, frame: frames.Send, future: asyncio.Future[Stored]) -> None:
        """Answer a send when it is known what became of it."""
        self.sending[frame.room].discard(future)
        if frame.room in self.ended:
            return  # after `left` no frame of that room follows
        echo = {"room": frame.room, "key": frame.key, "ref": frame.ref}
        match future.exception():
            case None:
                stored = future.result()
                repeated = {"repeated": True} if stored.repeated else {}
                self.tell("sent", seq=stored.seq, at=frames.timestamp(stored.at), **echo, **repeated)
            case Refused() as refused:
                self.tell("error", code=refused.code, detail=refused.detail, **echo)
            case Unavailable():
                self.tell_unavailable(**echo)
            case error:
                self.tell_unavailable(**echo)
                raise error

    async def on_history(self, frame: frames.History) -> None:
        """Answer with older entries."""
        read = self.runtime.log.page(user=self.user, slug=frame.room, before=frame.before, limit=frame.limit)
        if (page := await self.ask(frame, read)) is not None and self.socket is not None:
            fields = {"ref": frame.ref, "room": frame.room, "more": page.more}
            self.socket.write(Frame(frames.with_entries("history", page.entries, **fields)))

    async def on_typing(self, frame: frames.Typing) -> None:
        """Tell the others of the room, here and elsewhere; nothing keeps it."""
        feed = self.feed(frame, frame.room)
        self.runtime.typing.tell(feed, self.user.pk, self.user.name)

    async def on_ping(self, frame: frames.Ping) -> None:
        """Answer with how far each room is on this socket."""
        if self.socket is not None:
            heads = {room: feed.position_of(self.socket) for room, feed in self.socket.feeds.items()}
            self.tell("pong", ref=frame.ref, heads=heads)

    handlers: ClassVar[dict[type[frames.Client], Callable[[Any, Any], Awaitable[None]]]] = {
        frames.Join: on_join,
        frames.Leave: on_leave,
        frames.Send: on_send,
        frames.History: on_history,
        frames.Typing: on_typing,
        frames.Ping: on_ping,
        frames.Login: PersonConsumer.on_login,
        frames.Logout: PersonConsumer.on_logout,
    }

    # Inside

    async def enter(self, frame: frames.Join) -> Joined:
        """Read a room, again where the watch took people out of it meanwhile: it does not know who is on the way in."""
        await self.runtime.watch.begun()
        while True:
            asked = time.monotonic()
            joined = await self.runtime.log.join(
                user=self.user, slug=frame.room, after=frame.after, epoch=frame.epoch, mark=frame.mark
            )
            if not self.runtime.watch.has_changed(joined.room, asked):
                return joined

    async def ask(self, frame: frames.Join | frames.History, read: Awaitable[Any]) -> Any:
        """Await a read, and answer what goes wrong with it; None then."""
        try:
            return await read
        except NoSuchRoom:
            detail = f"no room {frame.room!r} that is open to you"
            self.tell("error", code="no_such_room", detail=detail, ref=frame.ref, room=frame.room)
        except TooMany as refused:
            detail, wait = refused.detail, int(refused.seconds * 1000) + 1
            self.tell("error", code="rate_limited", detail=detail, retry_ms=wait, ref=frame.ref, room=frame.room)
        except Unavailable:
            self.tell_unavailable(ref=frame.ref, room=frame.room)
        return None

    def feed(self, frame: frames.Client, room: str, **echo: str) -> Feed:
        """Return the feed of a joined room; raise WrongFrameError for another."""
        if self.socket is None or room not in self.socket.feeds:
            raise WrongFrameError("not_joined", "join the room first", room=room, ref=frame.ref, **echo)
        return self.socket.feeds[room]

    def feeds(self) -> dict[str, Feed]:
        """Return the feeds of the rooms that are joined, by the rooms' names."""
        return self.socket.feeds if self.socket is not None else {}

    async def leave(self, room: str, reason: str, **echo: Any) -> None:
        """Leave one room and say so; its open sends are answered first, as no frame of it may follow."""
        if sending := self.sending.get(room):
            await asyncio.wait(sending)
        self.detach(room)
        self.tell("left", room=room, reason=reason, **echo)

    def detach(self, room: str) -> None:
        """Stop reading one room; harmless when it is not read."""
        if self.socket is not None and (feed := self.socket.feeds.pop(room, None)):
            feed.detach(self.socket)
            self.runtime.process.hub.left(feed)
            self.runtime.process.presence.leave(feed.room, self.user.pk)
            self.runtime.typing.stop(feed.room, self.user.pk)

    # For the person behind it

    def has_open_sends(self) -> bool:
        """Say whether a send is not answered yet."""
        return any(self.sending.values())

    async def sends_answered(self) -> None:
        """Wait until every send is answered."""
        if sending := [future for futures in self.sending.values() for future in futures]:
            await asyncio.wait(sending)

    def leave_rooms(self) -> None:
        """Leave every room and say so."""
        for room in list(self.feeds()):
            self.detach(room)
            self.tell("left", room=room, reason="closed")

    def remove(self, room: int, reason: str) -> None:
        """Take this socket out of a room that it may not read any more."""
        for name in [name for name, feed in self.feeds().items() if feed.room == room]:
            self.detach(name)
            self.ended.add(name)
            self.tell("left", room=name, reason=reason)
