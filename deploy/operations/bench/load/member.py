"""One member: a socket that joins a room, counts what it is given, and sends when it is told to."""

import asyncio
from collections.abc import Callable
from typing import Protocol, cast

from deploy.operations.bench.load import handshake
from deploy.operations.bench.load.delivery_account import DeliveryAccount
from deploy.operations.bench.load.dialects import Dialect, Heard, Seat
from deploy.operations.bench.load.frames import CLOSE, OPCODE, PING, PONG, TEXT, Messages, Parser, masked
from deploy.operations.bench.load.plan import Plan

DATA = 0x2  # opcodes up to here carry messages


class RefusedError(Exception):
    """The server did not let a member in; `status` is of HTTP, or a close code."""

    def __init__(self, status: int) -> None:
        super().__init__(f"refused with {status}")
        self.status = status


class Run(Protocol):
    """What a member needs of the run that it is part of."""

    plan: Plan
    dialect: Dialect
    account: DeliveryAccount

    @property
    def read(self) -> Callable[[bytes], Heard]:
        """Read one message of the server's."""

    def cookie(self, index: int) -> str:
        """Give a member's cookie."""

    def fail(self, error: BaseException) -> None:
        """End the run."""

    def lost(self, member: "Member", code: int) -> None:
        """A member's socket ended, which nobody asked for."""


class Member(asyncio.Protocol):
    """Made once for each connection."""

    def __init__(self, run: Run, index: int, seat: Seat) -> None:
        self.run = run
        self.index = index
        self.seat = seat
        self.position = 0  # the last seq it was given, where the peer has seqs
        self.epoch = ""
        self.ready: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.leaving = False
        self._feed = Parser().feed
        self._messages: Messages | None = None
        self._upgraded = False
        self._answer = b""
        self._code = 0
        self._transport: asyncio.Transport | None = None

    # The connection

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Ask for the upgrade."""
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is no subclass
        path = self.run.dialect.path(self.seat.room)
        self._transport.write(handshake.request(self.run.plan, path, self.run.cookie(self.index)))

    def data_received(self, data: bytes) -> None:
        """Take frames; the path of plain text frames is the hot one."""
        try:
            if not self._upgraded:
                data = self._upgrade(data)
            for first, payload in self._feed(data):
                if first == TEXT:
                    heard = self.run.read(payload)
                    if heard.numbers and self.ready.done():
                        self.run.account.delivered(self, heard)
                    else:
                        self._hear(heard)
                else:
                    self._take(first, payload)
        except RefusedError as error:
            self._refuse(error)
        except Exception as error:  # noqa: BLE001 (whatever it is, the run has no figure)
            self.run.fail(error)

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell whoever waits; a socket that nobody asked to go is a failure of the run."""
        if not self.ready.done():
            self.ready.set_exception(RefusedError(self._code) if self._code else exc or ConnectionResetError())
            self.ready.exception()
        elif not self.leaving:
            self.run.lost(self, self._code)

    def write(self, payload: bytes) -> None:
        """Send one text message."""
        if self._transport is not None:
            self._transport.write(masked(TEXT, payload))

    def cut(self) -> None:
        """Go without a word, as a network that went away."""
        self.leaving = True
        if self._transport is not None:
            self._transport.abort()

    # Inside

    def _upgrade(self, data: bytes) -> bytes:
        self._answer += data
        opened = handshake.answer(self._answer)
        if opened is None:
            return b""
        if opened.status != 101:
            raise RefusedError(opened.status)
        if opened.deflate and not self.run.plan.browser:
            raise ValueError("the server compresses though nobody offered")
        self._upgraded, self._answer = True, b""
        self._messages = Messages(takeover=opened.takeover)
        if self.run.dialect.ready_at_once:
            self._set_ready()
        return opened.rest

    def _take(self, first: int, payload: bytes) -> None:
        """Take a frame that is no plain text frame."""
        opcode = first & OPCODE
        if opcode <= DATA and self._messages is not None:
            message = self._messages.add(first, payload)
            if message is not None:
                heard = self.run.read(message)
                if heard.numbers and self.ready.done():
                    self.run.account.delivered(self, heard)
                else:
                    self._hear(heard)
        elif opcode == PING and self._transport is not None:
            self._transport.write(masked(0x80 | PONG, payload))
        elif opcode == CLOSE:
            self._code = int.from_bytes(payload[:2], "big")
            if self._transport is not None:
                self._transport.write(masked(0x80 | CLOSE, payload[:2]))
                self._transport.close()

    def _hear(self, heard: Heard) -> None:
        """Take what is no message of this run."""
        if heard.refused:
            raise ValueError(heard.refused)
        if heard.stored >= 0:
            self.run.account.stored(heard.stored)
        if heard.reply:
            self.write(heard.reply)
        if heard.join:
            self.write(self.run.dialect.join(self.seat))
        if heard.ready:
            if heard.joined is not None:
                self._joined(heard)
            self._set_ready()

    def _joined(self, heard: Heard) -> None:
        """Note where this member stands; raises ValueError where a resume is not whole."""
        joined = heard.joined
        seqs = [entry.seq for entry in joined.entries]
        if self.seat.after is not None:
            expected = list(range(self.seat.after + 1, joined.head + 1))
            if not joined.recovered or seqs != expected[: len(seqs)]:
                raise ValueError(f"not resumed from {self.seat.after}: recovered={joined.recovered}, seqs {seqs}")
        self.position = seqs[-1] if seqs else joined.head
        self.epoch = joined.epoch

    def _set_ready(self) -> None:
        if not self.ready.done():
            self.ready.set_result(None)

    def _refuse(self, error: RefusedError) -> None:
        if not self.ready.done():
            self.ready.set_exception(error)
            self.ready.exception()
        self.cut()
