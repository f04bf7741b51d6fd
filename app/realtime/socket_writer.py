"""The way out to one socket: finished frames where the server takes them, plain ASGI `send` elsewhere.

Both write without waiting, in order, and both say whether the peer keeps up; what a feed does with one it does
with the other, and the same tests run on both.
"""

import asyncio
import contextlib
from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Protocol

from parley_serving.protocol import EXTENSION, PreparedProtocol
from realtime.frame import Frame

WRITE_BUFFER_BYTES = 64 * 1024  # above this a socket stops being live; asyncio's own high-water mark
CLOSE_SECONDS = 10.0  # how long the plain path waits for room to say why it closes

Send = Callable[[dict[str, Any]], Awaitable[None]]


class SocketWriter(Protocol):
    """What a socket needs of its way out. It asks nothing before a write, so it is told."""

    on_full: Callable[[], None] | None
    on_writable: Callable[[], None] | None
    on_end: Callable[[], None] | None

    @property
    def is_writable(self) -> bool:
        """Whether the peer keeps up."""

    def write(self, frame: Frame) -> None:
        """Put a frame on its way; not after `on_end`."""

    def close(self, code: int, reason: str = "") -> None:
        """Start the closing handshake."""

    def abort(self) -> None:
        """Drop the connection."""

    def allow(self, frames: int) -> None:
        """Let the peer send so many frames above the server's budget."""


def socket_writer_for(scope: Mapping[str, Any], send: Send) -> SocketWriter:
    """Return the best writer that the server behind `scope` allows."""
    extension = scope.get("extensions", {}).get(EXTENSION)
    return PreparedSocketWriter(extension["writer"]) if extension else AsgiSocketWriter(send)


def _told(name: str) -> Any:
    """Pass a callback on to the protocol."""

    def get(writer: "PreparedSocketWriter") -> Any:
        return getattr(writer.protocol, name)

    def put(writer: "PreparedSocketWriter", call: Callable[[], None] | None) -> None:
        setattr(writer.protocol, name, call)

    return property(get, put)


class PreparedSocketWriter:
    """Bytes straight to the transport: no copy, no task, no encoding and no question per socket."""

    __slots__ = ("_write", "protocol")

    def __init__(self, protocol: PreparedProtocol) -> None:
        self.protocol = protocol
        self._write = protocol.transport.write
        protocol.forget_handshake()

    on_full = _told("on_full")
    on_writable = _told("on_writable")
    on_end = _told("on_end")

    @property
    def is_writable(self) -> bool:
        return self.protocol.is_writable

    def write(self, frame: Frame) -> None:
        self._write(frame.wire)

    def close(self, code: int, reason: str = "") -> None:
        self.protocol.close(code, reason)

    def abort(self) -> None:
        self.protocol.abort()

    def allow(self, frames: int) -> None:
        self.protocol.allow(frames)


class AsgiSocketWriter:
    """A queue and, while something is in it, a task that sends: for any other ASGI server."""

    def __init__(self, send: Send) -> None:
        self.on_full: Callable[[], None] | None = None
        self.on_writable: Callable[[], None] | None = None
        self.on_end: Callable[[], None] | None = None
        self._send = send
        self._queue: deque[tuple[dict[str, Any], int]] = deque()
        self._bytes = 0
        self._task: asyncio.Task[None] | None = None
        self._closed = False

    @property
    def is_writable(self) -> bool:
        return self._bytes <= WRITE_BUFFER_BYTES

    def write(self, frame: Frame) -> None:
        if not self._closed:
            self._put({"type": "websocket.send", "text": frame.text}, len(frame.payload))

    def close(self, code: int, reason: str = "") -> None:
        if not self._closed:
            self._closed = True
            self._put({"type": "websocket.close", "code": code, "reason": reason}, 0)
            asyncio.get_running_loop().call_later(CLOSE_SECONDS, self.abort)

    def abort(self) -> None:
        """Stop sending; without the extension only the server can drop the connection itself."""
        self._closed = True
        self._queue.clear()
        if self._task is not None:
            self._task.cancel()

    def allow(self, frames: int) -> None:
        """Other servers have no budget."""

    def _put(self, message: dict[str, Any], size: int) -> None:
        self._queue.append((message, size))
        was_writable = self.is_writable
        self._bytes += size
        if was_writable and not self.is_writable and self.on_full is not None:
            self.on_full()
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._run())

    async def _run(self) -> None:
        # OSError: the peer went away, which uvicorn tells by its ClientDisconnected. RuntimeError: closed meanwhile.
        try:
            with contextlib.suppress(OSError, RuntimeError):
                while self._queue:
                    message, size = self._queue.popleft()
                    await self._send(message)
                    was_full = not self.is_writable
                    self._bytes -= size
                    if was_full and self.is_writable and self.on_writable is not None:
                        self.on_writable()
        finally:
            self._task = None
