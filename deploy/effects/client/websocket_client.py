"""A client of protocol.md, one frame at a time: what the witnesses and the integration tests speak through."""

import asyncio
import uuid
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any

import msgspec
from websockets.asyncio.client import ClientConnection, unix_connect
from websockets.asyncio.client import connect as tcp_connect
from websockets.exceptions import ConnectionClosed

from deploy.effects.client.address import Address

SOCKET_PATH = "/ws/chat/"
ANSWER_SECONDS = 60.0  # a bound for a busy machine; a witness brings the 5 s of protocol.md for its handshakes
FRAME_BYTES = 8 * 1024 * 1024  # a server frame is 256 KiB at most, unless it holds one entry

Frame = dict[str, Any]


class Refused(Exception):  # noqa: N818 - it is the server's answer, not a failure of ours
    """The server answered a frame of ours with `error`; `frame` has its code and detail."""

    def __init__(self, frame: Frame) -> None:
        super().__init__(f"{frame.get('code')}: {frame.get('detail')}")
        self.frame = frame

    @property
    def code(self) -> str:
        """The error code of protocol.md."""
        return str(self.frame.get("code"))


class Hangup(Exception):  # noqa: N818 - closing is ordinary here
    """The socket is closed; `code` is the close code, 1006 when there was no close frame."""

    def __init__(self, code: int, reason: str = "") -> None:
        super().__init__(f"closed {code} {reason}".rstrip())
        self.code = code


def new_key() -> str:
    """Make a client's own id for one message."""
    return uuid.uuid4().hex


def encode(frame: Frame) -> str:
    """Write a frame as the JSON text that goes over the wire."""
    return msgspec.json.encode(frame).decode()


def decode(data: str | bytes) -> Frame:
    """Read a frame; raises msgspec.DecodeError or ValidationError for anything but a JSON object."""
    return msgspec.json.decode(data, type=Frame)


class Socket:
    """One open websocket. Frames that a wait passes over are kept for the next wait, so order never matters."""

    def __init__(self, connection: ClientConnection) -> None:
        self.connection = connection
        self._kept: list[Frame] = []

    async def write(self, type: str, **fields: Any) -> None:  # noqa: A002 - the protocol's own word
        """Send one frame; fields that are None are left out; raises Hangup."""
        frame = {"type": type} | {name: value for name, value in fields.items() if value is not None}
        await self.raw(encode(frame))

    async def raw(self, data: str | bytes) -> None:
        """Send a text or binary message as it is, for the tests of bad input; raises Hangup."""
        try:
            await self.connection.send(data)
        except ConnectionClosed as closed:
            raise _hangup(closed) from None

    async def read(self, timeout: float | None = None) -> Frame:
        """Give the next frame off the wire, kept ones not counted; raises Hangup or TimeoutError."""
        try:
            async with asyncio.timeout(timeout):
                return decode(await self.connection.recv())
        except ConnectionClosed as closed:
            raise _hangup(closed) from None

    async def expect(self, type: str, timeout: float = ANSWER_SECONDS, **fields: Any) -> Frame:  # noqa: A002
        """Give the first frame, kept or new, of this type whose fields have these values."""
        wanted = {"type": type, **fields}
        return await self.until(lambda frame: wanted.items() <= _flat(frame, wanted).items(), timeout, wanted)

    async def until(
        self, fits: Callable[[Frame], bool], timeout: float = ANSWER_SECONDS, wanted: object = "it"
    ) -> Frame:
        """Give the first frame, kept or new, that fits; raises TimeoutError that says what came instead."""
        for frame in self._kept:
            if fits(frame):
                self._kept.remove(frame)
                return frame
        try:
            async with asyncio.timeout(timeout):
                while True:
                    if fits(frame := await self.read()):
                        return frame
                    self._kept.append(frame)
        except TimeoutError:
            raise TimeoutError(f"no {wanted} within {timeout} s; kept: {self._kept[-10:]}") from None

    async def ask(self, type: str, timeout: float = ANSWER_SECONDS, **fields: Any) -> Frame:  # noqa: A002
        """Send one frame with a `ref` of its own and give its answer; raises Refused when that is an error."""
        ref = new_key()
        await self.write(type, ref=ref, **fields)
        answer = await self.expect_ref(ref, timeout)
        if answer["type"] == "error":
            raise Refused(answer)
        return answer

    async def expect_ref(self, ref: str, timeout: float = ANSWER_SECONDS) -> Frame:
        """Give the frame that echoes this `ref`, an error or not."""
        return await self.until(lambda frame: frame.get("ref") == ref, timeout, f"answer to {ref}")

    async def welcome(self, timeout: float = ANSWER_SECONDS) -> Frame:
        """Give the server's greeting."""
        return await self.expect("welcome", timeout)

    async def join(
        self, room: str, after: int | None = None, epoch: str | None = None, mark: str | None = None
    ) -> Frame:
        """Join a room and give `joined`; raises Refused."""
        return await self.ask("join", room=room, after=after, epoch=epoch, mark=mark)

    async def leave(self, room: str) -> Frame:
        """Leave a room and give `left`; raises Refused."""
        return await self.ask("leave", room=room)

    async def send_text(self, room: str, text: str, key: str | None = None, reply_to: int | None = None) -> Frame:
        """Send a message and give its `sent`; raises Refused."""
        return await self.ask("send", room=room, key=key or new_key(), text=text, reply_to=reply_to)

    async def history(self, room: str, before: int, limit: int | None = None) -> Frame:
        """Give one page of the room's log that ends before this seq; raises Refused."""
        return await self.ask("history", room=room, before=before, limit=limit)

    async def entry(self, room: str, seq: int, timeout: float = ANSWER_SECONDS) -> Frame:
        """Give the live entry with this seq, out of the `entries` frame that brings it."""

        def brings(frame: Frame) -> bool:
            return frame["type"] == "entries" and frame["room"] == room and seq in _seqs(frame)

        frame = await self.until(brings, timeout, f"entry {seq} of {room}")
        self._kept.insert(0, frame)  # its other entries may be asked for next
        return next(entry for entry in frame["entries"] if entry["seq"] == seq)

    async def echo(self, room: str, text: str) -> int:
        """Send a message, read it back on this very socket, and give its seq; raises Refused."""
        seq: int = (await self.send_text(room, text))["seq"]
        await self.entry(room, seq)
        return seq

    async def fence(self, timeout: float = ANSWER_SECONDS) -> list[Frame]:
        """Ping, and give every frame that came before the pong: what is not among them was not sent."""
        ref = new_key()
        await self.write("ping", ref=ref)
        await self.expect_ref(ref, timeout)
        frames, self._kept = self._kept, []
        return frames

    async def closed(self, timeout: float = ANSWER_SECONDS) -> int:
        """Read on, keeping frames, until the server closes, and give the close code; raises TimeoutError."""
        try:
            async with asyncio.timeout(timeout):
                while True:
                    self._kept.append(await self.read())
        except Hangup as hangup:
            return hangup.code

    async def close(self, code: int = 1000) -> None:
        """Close as a page does that is left."""
        await self.connection.close(code)

    def abort(self) -> None:
        """Cut the connection without a close frame."""
        self.connection.transport.abort()

    def freeze(self) -> None:
        """Stop taking bytes off the network, as a stopped process does."""
        with suppress(RuntimeError):  # closing already
            self.connection.transport.pause_reading()

    def thaw(self) -> None:
        """Take bytes off the network again."""
        with suppress(RuntimeError):
            self.connection.transport.resume_reading()


@asynccontextmanager
async def connect(
    address: Address,
    cookie: str | None,
    *,
    timeout: float = ANSWER_SECONDS,
    origin: str | None = "own",
    path: str = SOCKET_PATH,
) -> AsyncIterator[Socket]:
    """Open the chat's websocket, or one of another path, and close it at the end.

    Raises TimeoutError, OSError, or websockets' InvalidHandshake (InvalidStatus has the HTTP answer).
    `origin` is the site's own unless given; None sends no Origin at all.
    """
    headers = dict(address.forwarded) | ({"Cookie": cookie} if cookie else {})
    settings: dict[str, Any] = {
        "additional_headers": headers,
        "origin": address.origin if origin == "own" else origin,
        "compression": None,
        "open_timeout": timeout,
        "close_timeout": 2,
        "ping_interval": None,  # a browser sends none: the heartbeat is the protocol's own `ping`
        "max_size": FRAME_BYTES,
    }
    if address.path is not None:
        opening = unix_connect(str(address.path), f"ws://{address.host}{path}", **settings)
    else:
        if address.via:
            settings["host"], settings["port"] = address.via
        scheme = "wss" if address.tls else "ws"
        uri = f"{scheme}://{address.host}{path}"
        opening = tcp_connect(uri, ssl=address.tls, proxy=None, **settings)
    async with opening as connection:
        yield Socket(connection)


def _hangup(closed: ConnectionClosed) -> Hangup:
    return Hangup(closed.rcvd.code, closed.rcvd.reason) if closed.rcvd else Hangup(1006)


def _seqs(frame: Frame) -> list[int]:
    return [entry["seq"] for entry in frame["entries"]]


def _flat(frame: Frame, wanted: Frame) -> Frame:
    """Give only the wanted fields of a frame, which can be compared (others may hold lists)."""
    return {name: frame[name] for name in wanted if name in frame}
