"""A client that keeps protocol.md to the letter, as the page does, and writes down all that happens to it."""

import asyncio
import random
import time
from collections.abc import Callable
from itertools import count
from types import TracebackType
from typing import Self

from websockets.exceptions import InvalidHandshake, InvalidStatus

from deploy.effects.client.address import Address
from deploy.effects.client.http_client import HttpClient, LoginError
from deploy.effects.client.websocket_client import connect, new_key
from deploy.operations.drill.client_state import Member
from deploy.operations.drill.journal import Asked, Ended, Frozen, Journal, Quit, Rejected
from deploy.operations.drill.session import Session
from deploy.operations.drill.timeouts import BANNED, NO_SESSION, Patience


class Witness:
    """One person in one room, from `async with` to the end of it; reconnects and resumes until then.

    `rate` is messages a second, asked for between `start_sending` and `stop_sending` whether there is a socket or
    not: what cannot be sent yet waits in the outbox, and keeps its key. Without a `cookie` it becomes a guest.
    """

    def __init__(
        self,
        name: str,
        address: Address,
        *,
        room: str = "lobby",
        rate: float = 2.0,
        cookie: str | None = None,
        patience: Patience | None = None,
        seed: int | None = None,
    ) -> None:
        self.address = address
        self.rate = rate
        self.cookie = cookie
        self.member = Member(name, room, patience or Patience(), random.Random(seed))  # noqa: S311 - jitter
        self.session: Session | None = None
        self._life: asyncio.Task[None] | None = None
        self._typist: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self._life = asyncio.create_task(self._live(), name=f"witness {self.name}")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.leave()

    async def leave(self) -> None:
        """End: note whether the client was in the room, stop, close; raises what broke the witness, if it broke."""
        await self.stop_sending()
        if not self._life:
            return
        life, self._life = self._life, None
        joined = self.joined
        life.cancel()
        await asyncio.wait([life])
        self.journal.add(Ended(room=self.member.room, joined=joined))
        if not life.cancelled() and (broken := life.exception()):
            raise broken

    @property
    def name(self) -> str:
        """The name of the guest and of the journal."""
        return self.member.name

    @property
    def journal(self) -> Journal:
        """All that happened so far."""
        return self.member.journal

    @property
    def position(self) -> int:
        """The last seq read; 0 before the first."""
        return self.member.position or 0

    @property
    def waiting(self) -> int:
        """How many messages are not acknowledged yet."""
        return len(self.member.outbox)

    @property
    def joined(self) -> bool:
        """Whether this client is in the room right now, on an open socket."""
        return self.session is not None and self.session.joined

    @property
    def instance(self) -> str | None:
        """The instance at the other end; None without a socket."""
        return self.session.instance if self.session else None

    def say(self, text: str, key: str | None = None) -> str:
        """Ask for one message now and give its key."""
        key = key or new_key()
        self.journal.add(Asked(room=self.member.room, key=key))
        self.member.outbox.add(key, text)
        self.member.notifier.notify()
        return key

    def start_sending(self) -> None:
        """Begin to ask for messages at the rate."""
        self._typist = self._typist or asyncio.create_task(self._type(), name=f"typist {self.name}")

    async def stop_sending(self) -> None:
        """Ask for no more messages; those in the outbox are still sent."""
        if self._typist:
            self._typist.cancel()
            await asyncio.wait([self._typist])
            self._typist = None

    async def until(self, holds: Callable[[], bool], seconds: float = 20.0) -> bool:
        """Wait until the condition holds or the client ended, and say whether it holds."""
        ended = self._life.done if self._life else lambda: True
        await self.member.notifier.until(lambda: holds() or ended(), seconds)
        return holds()

    async def ready(self, seconds: float = 20.0) -> bool:
        """Wait until the client is in the room and say whether it is."""
        return await self.until(lambda: self.joined, seconds)

    async def settled(self, seconds: float = 30.0) -> bool:
        """Wait until the client is in the room and every message of its own is acknowledged."""
        return await self.until(lambda: self.joined and not self.waiting, seconds)

    async def reached(self, seq: int, seconds: float = 15.0) -> bool:
        """Wait until the client is in the room and has read up to this seq."""
        return await self.until(lambda: self.joined and self.position >= seq, seconds)

    def freeze(self) -> None:
        """Stop as a stopped process does: read nothing, send nothing, ask for nothing."""
        self.journal.add(Frozen(frozen=True))
        self.member.running.clear()
        if self.session:
            self.session.socket.freeze()

    def thaw(self) -> None:
        """Go on after `freeze`."""
        self.journal.add(Frozen(frozen=False))
        if self.session:
            self.session.heard = time.monotonic()  # the silence was its own
            self.session.socket.thaw()
        self.member.running.set()

    async def _type(self) -> None:
        due = time.monotonic() + self.member.rng.uniform(0, 1 / self.rate)  # clients do not speak in chorus
        for number in count(1):
            await asyncio.sleep(due - time.monotonic())
            await self.member.running.wait()
            self.say(f"{self.name} {number}")
            due = max(due + 1 / self.rate, time.monotonic())  # a thawed client does not make up for lost time

    async def _live(self) -> None:
        member = self.member
        while True:
            member.tries += 1
            code = await self._once()
            drained = self.session is not None and self.session.drained
            self.session = None
            member.notifier.notify()
            await member.running.wait()
            member.turned_away += code == NO_SESSION
            if code == BANNED or member.turned_away > 1:  # after 4401 it tries once more
                self.journal.add(Quit(code=code or 0))
                member.notifier.notify()
                return
            if not drained:  # else the moment inside the drain window was the jitter
                await asyncio.sleep(member.patience.pause(member.tries, code, member.rng))

    async def _once(self) -> int | None:
        """Live through one socket and give its close code; None when it came to nothing."""
        handshake = self.member.patience.handshake
        try:
            async with asyncio.timeout(handshake):
                self.cookie = self.cookie or await HttpClient(self.address, timeout=handshake).guest(self.name)
            async with connect(self.address, self.cookie, timeout=handshake) as socket:
                self.session = Session(self.member, socket)
                return await self.session.run()
        except TimeoutError:
            why, status = "given up", None
        except InvalidStatus as refused:
            status = refused.response.status_code
            why = f"status {status}"
        except (OSError, InvalidHandshake, LoginError) as error:
            why, status = type(error).__name__, None
        self.journal.add(Rejected(why=why, status=status))
        return None
