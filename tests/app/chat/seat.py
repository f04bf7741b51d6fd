"""One socket of the chat without a server: what it is given, and what it says."""

import json
from collections.abc import Iterable
from typing import Any

from asgiref.sync import sync_to_async

from accounts.models import User
from accounts.sessions import session_open
from chat.consumers import ChatConsumer


class Seat:
    """A consumer with somebody behind it, spoken to frame by frame."""

    def __init__(self, user: User, session: str) -> None:
        self.frames: list[dict[str, Any]] = []
        self.codes: list[int] = []
        self.consumer = ChatConsumer()
        scope: Any = {"type": "websocket", "user": user, "session_key": session}
        self.consumer.scope = scope
        self.consumer.base_send = self._sent

    async def _sent(self, message: dict[str, Any]) -> None:
        if message["type"] == "websocket.send":
            self.frames.append(json.loads(message["text"]))
        elif message["type"] == "websocket.close":
            self.codes.append(message["code"])

    async def say(self, kind: str, **fields: Any) -> None:
        """Give it one frame, and wait until it is dealt with."""
        await self.consumer.receive(json.dumps({"type": kind, **fields}))

    async def serve(self, frames: Iterable[dict[str, Any]]) -> None:
        """Live on frames that are all there already, and then on the end."""
        events: list[dict[str, Any]] = [{"type": "websocket.receive", "text": json.dumps(frame)} for frame in frames]
        coming = iter([*events, {"type": "websocket.disconnect", "code": 1005}])

        async def receive() -> dict[str, Any]:
            return next(coming)

        await self.consumer(self.consumer.scope, receive, self._sent)

    def said(self, kind: str) -> list[dict[str, Any]]:
        """Return the frames of a kind that it wrote."""
        return [frame for frame in self.frames if frame["type"] == kind]

    def leave(self) -> None:
        """Go, as a socket does that ended."""
        if self.consumer.socket is not None:
            self.consumer.left(self.consumer.socket)


async def seated(user: User) -> Seat:
    """Somebody with a session of their own, welcomed."""
    key, _ = await sync_to_async(session_open)(user=user)
    seat = Seat(user, key)
    await seat.consumer.connect()
    return seat
