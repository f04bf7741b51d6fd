"""A Channels consumer for many sockets: no channel, no task and no thread hop of its own."""

import logging
from typing import Any

from channels.consumer import AsyncConsumer
from channels.exceptions import StopConsumer

from realtime.socket import Socket
from realtime.socket_writer import socket_writer_for

log = logging.getLogger(__name__)

INTERNAL_ERROR = 1011


class SocketConsumer(AsyncConsumer):
    """What stock Channels' consumer does around each frame, less what costs or loses something.

    It opens no channel on the layer (the hub has one per process), and `dispatch` does not hop to the shared thread
    before every frame (pitfalls B3, L6). `left` runs whatever ends the socket (pitfalls B1, B2).
    """

    socket: Socket | None = None

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Serve one socket until it ends."""
        self.scope = scope
        self.base_send: Any = send
        try:
            while True:
                await self.dispatch(await receive())
        except StopConsumer:
            pass
        except OSError:
            log.debug("peer went away")  # uvicorn's ClientDisconnected is one: not an error
        except Exception:
            log.exception("consumer failed")
            if self.socket is not None:
                self.socket.close(INTERNAL_ERROR)
        finally:
            if self.socket is not None:
                self.left(self.socket)

    async def dispatch(self, message: Any) -> None:
        """Route one ASGI event."""
        match message["type"]:
            case "websocket.connect":
                await self.connect()
            case "websocket.receive":
                # What came behind a frame that was waited for, when meanwhile we closed: its sender may be banned.
                if self.socket is None or self.socket.closing is None:
                    await self.receive(message.get("text"))
            case "websocket.disconnect":
                raise StopConsumer

    async def accept(self) -> Socket:
        """Accept the handshake; what is written from now on reaches the browser."""
        await self.base_send({"type": "websocket.accept"})
        self.socket = Socket(socket_writer_for(self.scope, self.base_send))
        return self.socket

    async def connect(self) -> None:
        """Answer the handshake; to be overridden."""
        raise NotImplementedError  # an abstract method: a consumer without it serves nothing

    async def receive(self, text: str | None) -> None:
        """Take one frame, None for a binary one; to be overridden."""
        raise NotImplementedError  # an abstract method: a consumer without it serves nothing

    def left(self, socket: Socket) -> None:
        """Let the socket go; must not wait; runs once, always; to be overridden."""
        raise NotImplementedError  # an abstract method: a consumer without it leaks
