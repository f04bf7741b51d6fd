"""One socket of a witness, from its welcome to its close."""

import asyncio
import time

from deploy.effects.client.websocket_client import Frame, Hangup, Socket, new_key
from deploy.operations.drill import journal as noted
from deploy.operations.drill.client_state import Member

FOR_NOW = {"unavailable", "rate_limited", "not_joined"}  # errors that the same frame gets past later


class Session:
    """Joins, reads, writes the outbox and keeps the heartbeat, until the socket is closed."""

    def __init__(self, member: Member, socket: Socket) -> None:
        self.member = member
        self.socket = socket
        self.instance = ""
        self.heard = time.monotonic()
        self.drained = False  # we closed it ourselves, inside the drain window
        self._in_room = False
        self._join_due: float | None = time.monotonic()
        self._pending: str | None = None  # the `ref` of a join without an answer
        self._asked: tuple[int | None, str | None] = (None, None)
        self._asked_back = asyncio.Event()
        self._within = 0.0
        self._handlers = {
            "joined": self._on_joined,
            "entries": self._on_entries,
            "sent": self._on_sent,
            "error": self._on_error,
            "left": self._on_left,
            "pong": self._on_pong,
            "drain": self._on_drain,
        }

    @property
    def joined(self) -> bool:
        """Whether the room's entries come over this socket."""
        return self._in_room and self._pending is None

    async def run(self) -> int:
        """Live until the socket is closed and give the close code; raises TimeoutError without a welcome."""
        try:
            welcome = await self.socket.welcome(self.member.patience.handshake)
        except Hangup as hangup:
            return self._closed(hangup.code)
        self.instance = welcome["instance"]
        self.member.turned_away = 0
        self.member.journal.add(noted.Connected(instance=self.instance, you=welcome["you"]["id"]))
        async with asyncio.TaskGroup() as tasks:
            helpers = [tasks.create_task(self._write()), tasks.create_task(self._keep_alive())]
            helpers.append(tasks.create_task(self._drain()))
            code = await self._read()
            self._in_room = False
            for helper in helpers:
                helper.cancel()
        return self._closed(code)

    def _closed(self, code: int) -> int:
        self.member.journal.add(noted.Closed(code=code))
        self.member.notifier.notify()
        return code

    async def _read(self) -> int:
        while True:
            await self.member.running.wait()
            try:
                frame = await self.socket.read()
            except Hangup as hangup:
                return hangup.code
            self.heard = time.monotonic()
            if handle := self._handlers.get(frame["type"]):  # types it doesn't know are ignored
                handle(frame)
                self.member.notifier.notify()

    async def _write(self) -> None:
        member = self.member
        try:
            while True:
                await member.running.wait()
                now = time.monotonic()
                if self._join_due is not None and now >= self._join_due:
                    await self._join()
                elif self._in_room and (message := member.outbox.next(now)):
                    await self.socket.write("send", room=member.room, key=message.key, text=message.text)
                else:
                    await member.notifier.wait(self._wake(now))
        except Hangup:
            return  # the reader says so, with the code

    async def _keep_alive(self) -> None:
        patience = self.member.patience
        while True:
            await asyncio.sleep(patience.ping)
            await self.member.running.wait()
            if time.monotonic() - self.heard > patience.silence:
                self.socket.abort()
                return
            try:
                async with asyncio.timeout(patience.ping):  # a full write buffer must not stop the watch
                    await self.socket.write("ping")
            except TimeoutError:
                continue
            except Hangup:
                return

    def _wake(self, now: float) -> float | None:
        outbox = self.member.outbox.wake(now) if self._in_room else None
        join = None if self._join_due is None else max(0.0, self._join_due - now)
        return min((wait for wait in (outbox, join) if wait is not None), default=None)

    async def _join(self) -> None:
        member = self.member
        self._join_due, self._pending = None, new_key()
        self._asked = (member.position, member.epoch)
        after, epoch = self._asked
        await self.socket.write("join", room=member.room, after=after, epoch=epoch, mark=member.mark, ref=self._pending)

    def _on_joined(self, frame: Frame) -> None:
        member = self.member
        if frame["room"] != member.room or frame.get("ref") != self._pending:
            return
        after, asked_epoch = self._asked
        entries = noted.entries_of(frame)
        member.journal.add(
            noted.Joined(
                room=member.room,
                epoch=frame["epoch"],
                head=frame["head"],
                recovered=frame["recovered"],
                entries=entries,
                after=after,
                asked_epoch=asked_epoch,
            )
        )
        if not frame["recovered"] or member.position is None:
            member.start_over(frame["epoch"], entries[0].seq - 1 if entries else frame["head"])
        member.took(entries)
        member.mark = frame.get("mark")
        if not self._in_room:
            member.outbox.joined()
        self._in_room, self._pending = True, None
        member.tries = 0

    def _on_entries(self, frame: Frame) -> None:
        member = self.member
        if frame["room"] != member.room:
            return
        entries = noted.entries_of(frame)
        if not self.joined:
            member.journal.add(noted.Ignored(room=member.room, seqs=tuple(entry.seq for entry in entries)))
            return
        member.journal.add(noted.Read(room=member.room, entries=entries))
        member.took(entries)
        member.mark = frame.get("mark", member.mark)

    def _on_sent(self, frame: Frame) -> None:
        self.member.journal.add(
            noted.Sent(
                room=frame["room"],
                key=frame["key"],
                seq=frame["seq"],
                at=frame["at"],
                repeated=frame.get("repeated", False),
            )
        )
        self.member.outbox.sent(frame["key"])

    def _on_error(self, frame: Frame) -> None:
        member = self.member
        code, key, retry_ms = frame["code"], frame.get("key"), frame.get("retry_ms")
        member.journal.add(noted.Denied(code=code, key=key, retry_ms=retry_ms))
        again = time.monotonic() + member.patience.retry(retry_ms, member.rng)
        if self._pending is not None and frame.get("ref") == self._pending:
            self._pending = None
            self._join_due = again if code in FOR_NOW else None
        elif key and code in FOR_NOW:
            member.outbox.hold(key, again)
            if code == "not_joined":
                self._join_due = time.monotonic()
        elif key:
            member.outbox.sent(key)  # it never will be

    def _on_left(self, frame: Frame) -> None:
        if frame["room"] == self.member.room:
            self._in_room = False

    def _on_pong(self, frame: Frame) -> None:
        member = self.member
        head = frame["heads"].get(member.room, 0)
        position = member.position or 0
        if self.joined and head > position:
            member.journal.add(noted.Behind(room=member.room, head=head, position=position))
            self._join_due = time.monotonic()

    def _on_drain(self, frame: Frame) -> None:
        self.member.journal.add(noted.Drained(within_ms=frame["within_ms"]))
        self._within = frame["within_ms"] / 1000
        self._asked_back.set()

    async def _drain(self) -> None:
        await self._asked_back.wait()
        await asyncio.sleep(self.member.rng.uniform(0, self._within))
        self.drained = True
        await self.socket.close()
