"""Who is writing: told to the room at most so often, however often a client says so."""

import asyncio
from typing import Any

from chat.frames import message
from chat.limits import TYPING_SECONDS
from realtime.feed import Feed
from realtime.frame import Frame
from realtime.hub import group_of
from realtime.process import Process


class TypingSignals:
    """The typing of all rooms of this process. The first is told at once; those that follow soon are told as one."""

    def __init__(self, process: Process) -> None:
        self._process = process
        # By room and person, for a while after each that was told: the name under which another one came since.
        self._told: dict[tuple[int, int], str | None] = {}
        process.hub.handlers["typing"] = self._elsewhere

    def tell(self, feed: Feed, person: int, name: str) -> None:
        """Tell a room that somebody is writing, here and in every other process."""
        key = (feed.room, person)
        if key in self._told:
            self._told[key] = name
            return
        self._told[key] = None
        asyncio.get_running_loop().call_later(TYPING_SECONDS, self._is_due, key)
        self._write(feed, person, name)
        self._process.hub.publisher.put_signal(
            group=group_of(feed.room), key=f"typing.{person}", kind="typing", room=feed.room, person=person, name=name
        )

    def stop(self, room: int, person: int) -> None:
        """Forget what is not told yet: their message came, or they went."""
        if (room, person) in self._told:
            self._told[room, person] = None

    def _is_due(self, key: tuple[int, int]) -> None:
        name, feed = self._told.pop(key), self._process.hub.feeds.get(key[0])
        if name is not None and feed is not None:
            self.tell(feed, key[1], name)

    def _elsewhere(self, told: dict[str, Any]) -> None:
        """Pass on what another process told, which merged it."""
        if feed := self._process.hub.feeds.get(told["room"]):
            self._write(feed, told["person"], told["name"])

    def _write(self, feed: Feed, person: int, name: str) -> None:
        frame = Frame(message("typing", room=feed.name, who={"id": person, "name": name}))
        for socket in self._process.sockets_in(feed):
            if socket.person != person and socket.is_writable:
                socket.write(frame)
