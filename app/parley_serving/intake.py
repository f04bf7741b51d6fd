"""What a WebSocket connection may make the server parse: in slices, counted, and no more after the end.

A frame costs when it is parsed, whatever is in it: the application never sees a ping, an empty fragment, or what
comes after a close. So the count is here, over frames of any opcode, and over their bytes.
"""

import asyncio
import logging
from http import HTTPStatus
from typing import Any

from uvicorn.config import Config
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from uvicorn.server import ServerState
from websockets.frames import Frame
from websockets.protocol import State

from parley_serving import limits, metrics
from parley_serving.budget import Budget, Purse
from parley_serving.ids import id_of
from parley_serving.slices import Slices

log = logging.getLogger(__name__)

INVALID = 1007  # a close code: a text that is no UTF-8
FLOODING = 4429  # a close code of protocol.md


class Intake(WebSocketsSansIOProtocol):
    """Takes what a peer sends; who sends too much, or what is no frame, is closed and heard no more."""

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        *rest: Any,
        budget: Budget,
        slices: Slices,
    ) -> None:
        super().__init__(config, server_state, app_state, *rest)
        self._frames = Purse(rate=budget.per_second, burst=budget.burst)
        self._bytes = Purse(rate=budget.per_second * budget.mean_bytes, burst=budget.burst * budget.mean_bytes)
        self._unpaid = 0  # bytes that were parsed and are not counted yet
        self._mean_bytes = budget.mean_bytes
        self._fragments = budget.fragments
        self._slices = slices
        self._backlog = bytearray()  # read and not yet parsed; while there is some, nothing more is read
        self._is_in_line = False  # of those whose backlog is parsed by turns
        self._taken = 0  # messages in a row, for which the application did not have to wait
        self._is_deaf = False  # what is read is thrown away
        self._discarded = 0  # reads since then
        self._why = ""  # the peer was closed, until the application's task has said so in the log

    # To be overridden

    def close(self, code: int, reason: str = "") -> None:
        """Start the closing handshake."""
        raise NotImplementedError  # an abstract method

    def ended(self) -> None:
        """Hear that no frame may be written any more; more than once."""
        raise NotImplementedError  # an abstract method

    def closed_for(self, code: int) -> None:
        """Hear that the peer is closed for what it sent."""
        raise NotImplementedError  # an abstract method

    # Reading

    @property
    def is_half_spent(self) -> bool:
        """Whether more than half of the frames that may come at once were parsed lately; a file in few is none."""
        return self._frames.left() < self._frames.burst / 2

    def allow(self, frames: int) -> None:
        """Let so many more frames come than the budget has: the application has asked for them."""
        self._frames.given += frames
        self._bytes.given += frames * self._mean_bytes

    def data_received(self, data: bytes) -> None:
        """Parse what came: a little at once, and more in slices, between which the others get their turn."""
        if self._is_deaf:
            self._discard(len(data))
        elif not self.handshake_initiated:
            self._handshake(data)
        elif self._backlog or len(data) > limits.AT_ONCE_BYTES:
            self._backlog += data
            self._pause()
            self.read_on()
        else:
            self._parse(data)

    async def receive(self) -> Any:
        """Give the application its next event; read on when it has them all."""
        if self._taken >= limits.MESSAGES_IN_A_ROW:
            self._taken = 0
            await asyncio.sleep(0)  # a queue that is not empty makes nobody wait: the others would have no turn
        message = await self.queue.get()
        self._taken = 0 if self.queue.empty() else self._taken + 1
        if self._why and message["type"] == "websocket.disconnect":
            # Here and not where it happened: the task's lines have the ids that say who (ids.py).
            self._say_why(message["code"])
        if self.read_paused and self.queue.empty():
            self.read_paused = False
            self.read_on()
        return message

    def read_on(self) -> None:
        """Parse on, or read again, unless what was parsed waits to be taken."""
        if self._is_in_line or self._waits or self.transport.is_closing():
            return
        if self._backlog:
            self._is_in_line = True
            self._slices.join(self._next_slice)
        else:
            self.transport.resume_reading()

    @property
    def _waits(self) -> bool:
        """Whether the application has to take messages first; after a close it gets none."""
        return self.read_paused and not self.close_sent

    def _pause(self) -> None:
        if not self.transport.is_closing():
            self.transport.pause_reading()

    def _next_slice(self) -> bool:
        """Parse one, and say whether another one can be."""
        if not self._backlog:  # it was thrown away meanwhile
            self._is_in_line = False
            self.read_on()
            return False
        data = bytes(self._backlog[: limits.SLICE_BYTES])
        del self._backlog[: limits.SLICE_BYTES]
        try:
            self._parse(data)
        except Exception:
            self.transport.abort()  # what a server does when `data_received` fails: nothing would read on
            raise
        self._is_in_line = bool(self._backlog) and not self._waits
        if not self._is_in_line:
            self.read_on()
        return self._is_in_line

    def _parse(self, data: bytes) -> None:
        conn = self.conn
        conn.receive_data(data)
        if conn.parser_exc is not None:
            self._frames.owe(len(conn.events))  # what was before it in this slice was parsed, too
            self._bytes.owe(self._unpaid + len(data))
            self.handle_parser_exception()
            return
        self._unpaid += len(data)
        if (number := len(conn.events)) and self._frames.lacks(number):
            self._flooded("too many frames")
        elif self._unpaid >= limits.PAID_BYTES and self._bytes_are_lacking():
            self._flooded("too many bytes")
        else:
            self.handle_events()

    def _handshake(self, data: bytes) -> None:
        """Parse the handshake, which uvicorn gives whole; what the library refuses is answered at once.

        uvicorn looks for what the parser refuses of frames alone: the answer that the library has prepared stays
        where it is, and a proxy waits for it until its timeout. For a request with a body none is prepared.
        """
        conn = self.conn
        conn.receive_data(data)
        if conn.handshake_exc is None:
            self.handle_events()
            return
        why = str(conn.handshake_exc.__cause__ or conn.handshake_exc)
        prepared = b"".join(conn.data_to_send())
        status = int(prepared.split(b" ", 2)[1]) if prepared else HTTPStatus.BAD_REQUEST
        self.turn_away(prepared or conn.reject(status, f"{why}.\n").serialize())
        lines = (line.partition(b": ") for line in data.split(b"\r\n"))
        self.handshake_refused(status, why, id_of([(name, value) for name, _, value in lines]))

    def turn_away(self, answer: bytes) -> None:
        """Answer a handshake without the application."""
        self.handshake_initiated = self.handshake_complete = self.close_sent = self._is_deaf = True
        self.transport.write(answer)
        self.transport.close()

    def handshake_refused(self, status: int, why: str, id_: str) -> None:
        """Say which handshake the library refused, by the id that nginx's line has too."""
        metrics.count("handshakes_refused", 1)
        log.warning("handshake refused: %d %r", status, why[: limits.REASON_CHARACTERS], extra={"socket": id_})

    def _bytes_are_lacking(self) -> bool:
        unpaid, self._unpaid = self._unpaid, 0
        return self._bytes.lacks(unpaid)

    def handle_cont(self, event: Frame) -> None:
        """Keep a fragment, unless there are too many of one message."""
        if self._is_deaf:
            return
        is_another_empty_one = not event.data and self.frames.count(b"") >= limits.EMPTY_FRAGMENTS
        if is_another_empty_one or len(self.frames) >= self._fragments:
            self._flooded("too many fragments of one message")
            return
        super().handle_cont(event)

    def send_receive_event_to_app(self) -> None:
        """Queue a whole message, and read no more until the application has taken it."""
        frames, self.frames = self.frames, []
        if self.close_sent:
            return
        data = frames[0] if len(frames) == 1 else b"".join(frames)
        if self.curr_msg_data_type == "bytes":
            self.queue.put_nowait({"type": "websocket.receive", "bytes": data})
        else:
            try:
                text = data.decode()
            except UnicodeDecodeError:
                self._refuse(INVALID, "a text that is not UTF-8")
                return
            self.queue.put_nowait({"type": "websocket.receive", "text": text})
        if not self.read_paused:
            self.read_paused = True
            self._pause()

    # The end

    def handle_parser_exception(self) -> None:
        """The peer sent what is no frame, or too large a one: the library has prepared the close."""
        self.ended()
        if not self.close_sent:
            close = self.conn.close_sent
            if close is None:  # before the accept, or while the close that the peer sent is answered
                self.transport.abort()
                return
            self._why = f"{close.code} {close.reason}"
            self.closed_for(close.code)
            self.queue.put_nowait({"type": "websocket.disconnect", "code": close.code, "reason": close.reason})
            self.transport.write(b"".join(self.conn.data_to_send()))
            self.close_sent = True
        self._linger()

    def _flooded(self, why: str) -> None:
        """Close, and forget what the application has not taken."""
        self.conn.events_received()
        self.conn.data_to_send()
        if not self.close_sent:
            metrics.count("flooded", 1)
            while not self.queue.empty():
                self.queue.get_nowait()
        self._refuse(FLOODING, why)

    def _refuse(self, code: int, why: str) -> None:
        if not self.close_sent:
            self._why = why
            if self.conn.state is not State.OPEN:  # the handshake is not answered yet, or the peer has closed
                self.queue.put_nowait({"type": "websocket.disconnect", "code": 1006})
                self.closed_for(code)
                self.transport.abort()
                return
            self.close(code)
        self._linger()

    def _linger(self) -> None:
        """Read on for a moment, and throw it away: an end with unread input is a reset, which overtakes the close."""
        if self._is_deaf:
            return
        self._is_deaf = True
        self._backlog.clear()
        self.frames = []
        if self.close_timer is not None:
            self.close_timer.cancel()
        # As long as there is a timer, the end of the application's task leaves the connection alone.
        over = self.loop.time() + limits.LINGER_SECONDS
        self.close_timer = self.loop.call_later(limits.QUIET_SECONDS, self._look, over, self._discarded)
        self.read_paused = False
        self.read_on()

    def _look(self, over: float, discarded: int) -> None:
        """End when the moment is over, or when nothing came since the last look: the peer waits for the end."""
        if self._discarded == discarded or self.loop.time() >= over:
            self._linger_over()
        else:
            self.close_timer = self.loop.call_later(limits.QUIET_SECONDS, self._look, over, self._discarded)

    def _linger_over(self) -> None:
        if self._discarded > limits.LINGER_READS:
            self.transport.abort()
            return
        self.close_timer = self.loop.call_later(limits.ABORT_SECONDS, self.transport.abort)
        self.transport.close()

    def _discard(self, size: int) -> None:
        """Throw a read away; who floods on is read no more, and dropped when the moment is over."""
        self._discarded += 1 + size // limits.LINGER_READ_BYTES
        if self._discarded > limits.LINGER_READS:
            self._pause()

    def connection_lost(self, exc: Exception | None) -> None:
        """Parse nothing any more."""
        self._backlog.clear()
        super().connection_lost(exc)

    def _say_why(self, code: int) -> None:
        why, self._why = self._why, ""
        whose = {"address": self._address()}
        if code == FLOODING:
            log.warning("a socket is closed for flooding: %s", why, extra=whose)
        else:
            metrics.count("malformed", 1)
            log.warning("a socket is closed for what it sent: %s", why, extra=whose)

    def _address(self) -> str:
        """Where the peer is, as the trusted proxy says."""
        client = self.scope.get("client")
        return str(client[0]) if client else ""
