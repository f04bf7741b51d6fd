"""uvicorn's websocket protocol, offering an ASGI extension to write finished frames.

`scope["extensions"]["realtime.writer"]["writer"]` is the protocol itself; see `realtime.socket_writer` for what an
application uses of it. Given to uvicorn as `ws=` (a class or an import string).
"""

import re
from asyncio import BaseTransport
from collections.abc import Callable
from http import HTTPStatus
from typing import Any

from uvicorn.config import Config
from uvicorn.server import ServerState
from websockets.frames import Frame
from websockets.http11 import Request
from websockets.protocol import State

from parley_serving import limits
from parley_serving.budget import Budget
from parley_serving.conversation import Conversation
from parley_serving.floods import Floods, Sessions, sessions_of
from parley_serving.ids import HEADER, id_of
from parley_serving.intake import FLOODING, Intake
from parley_serving.slices import Slices

EXTENSION = "realtime.writer"
RESTART = 1012  # a close code: reconnect now and resume
WRONG = (1002, 1003, 1006, 1007, 1009)  # close codes for what a peer sent; 1006 stands for whoever leaves
PID_DIGITS = 10  # of a process id
LATE_SECONDS = 10.0  # nginx's client_header_timeout: no old worker begins a handshake later

# Set by nginx on each handshake, whatever the client sent.
NGINX_WORKER = "X-Nginx-Worker"  # its worker's process id
NGINX_CONNECTION_TIME = "X-Nginx-Connection-Time"  # for how many seconds it has had the client's connection
FLOODED = "sockets of this session were closed for flooding"
NGINX_WORKERS = 1024  # known at a time; nginx has far fewer, and a header from elsewhere must not cost memory
SECONDS = re.compile(r"[0-9]{1,10}(\.[0-9]{1,3})?")


class Shared(ServerState):
    """What uvicorn's protocols share: each connection's budget, turns to parse, who flooded, and nginx's workers.

    These by when their first handshake came, where it is asked for.
    """

    def __init__(self, nginx_workers: dict[str, float] | None = None, budget: Budget | None = None) -> None:
        super().__init__()
        self.nginx_workers = nginx_workers
        self.budget = budget or Budget.above()
        self.floods = Floods()
        self.slices = Slices()

    def met(self, worker: str, moment: float) -> None:
        """Remember a worker by when it was first met."""
        if self.nginx_workers is not None and len(self.nginx_workers) < NGINX_WORKERS:
            self.nginx_workers.setdefault(worker, moment)


class PreparedProtocol(Intake):
    """Writes bytes that are framed already, and says when the peer reads too slowly."""

    on_full: Callable[[], None] | None = None
    on_writable: Callable[[], None] | None = None
    on_end: Callable[[], None] | None = None

    since = 0.0  # when the handshake came, by the loop's clock
    accepted = 0.0  # when nginx accepted the connection that it came on; past nginx, when it came
    told = 0.0  # when a drain asked it to come back, by the loop's clock; 0: none did
    _sessions: Sessions = frozenset()  # that it came with
    _is_counted = False  # as a flood

    def __init__(self, config: Config, server_state: ServerState, app_state: dict[str, Any], *rest: Any) -> None:
        self._shared = server_state if isinstance(server_state, Shared) else Shared()
        super().__init__(config, server_state, app_state, *rest, budget=self._shared.budget, slices=self._shared.slices)

    def handle_connect(self, event: Request) -> None:
        """Offer the extension; the application's task starts in the next turn of the loop and sees it."""
        self.since = self.loop.time()
        self.accepted = self.since - _seconds(event.headers.get_all(NGINX_CONNECTION_TIME))
        self._came_through(event.headers.get_all(NGINX_WORKER))
        self._sessions = sessions_of(event.headers.get_all("Cookie"))
        if self._shared.floods.holds(self._sessions):
            self._refused(event, HTTPStatus.TOO_MANY_REQUESTS, FLOODED)
            self._hold()
            return
        super().handle_connect(event)
        if self.response.status_code == HTTPStatus.SWITCHING_PROTOCOLS:
            self.scope["extensions"][EXTENSION] = {"writer": self}
        else:
            self._refused(event, self.response.status_code, str(self.conn.handshake_exc))

    def _hold(self) -> None:
        """Turn a handshake away after a while; until then nothing is read of what comes."""
        self.handshake_initiated = self._is_deaf = True
        self.loop.call_later(limits.HELD_SECONDS, self._turn_away_held)

    def _turn_away_held(self) -> None:
        if not self.transport.is_closing():
            self.turn_away(self.conn.reject(HTTPStatus.TOO_MANY_REQUESTS, f"{FLOODED}.\n").serialize())

    def _refused(self, event: Request, status: int, why: str) -> None:
        ids = [(HEADER, value.encode("latin-1")) for value in event.headers.get_all(HEADER.decode())]
        self.handshake_refused(status, why, id_of(ids))

    def _came_through(self, named: list[str]) -> None:
        """Remember nginx's worker; who speaks to this server past nginx may send anything."""
        if len(named) == 1 and named[0].isascii() and named[0].isdecimal() and len(named[0]) <= PID_DIGITS:
            self._shared.met(named[0], self.since)

    def connection_made(self, transport: BaseTransport) -> None:
        """Parse as RFC 6455 has it; uvicorn makes the parser, and takes no class for it."""
        self.conn.__class__ = Conversation
        super().connection_made(transport)

    def forget_handshake(self) -> None:
        """Let go what only the handshake needed: some kilobytes for as long as the socket lives."""
        self.request = self.response = None  # type: ignore[assignment]  # uvicorn reads them no more after the accept
        self.scope["headers"].clear()  # type: ignore[attr-defined]  # a list in uvicorn, which copies of the scope share

    async def send(self, message: Any) -> None:
        """Take what the application sends; a plain answer to the handshake completes it, which uvicorn forgets.

        It would write an error for each: for every scanner who asks for another path.
        """
        await super().send(message)
        if message["type"] == "websocket.close":
            self.read_on()  # the answer may be behind what the application has not taken
        elif message["type"] == "websocket.http.response.body" and not message.get("more_body", False):
            self.handshake_complete = True

    @property
    def is_open(self) -> bool:
        """Whether a frame written now is sent: accepted, and no close under way."""
        return self.conn.state is State.OPEN and self.handshake_complete and not self.disconnected

    @property
    def is_writable(self) -> bool:
        """Whether the transport's buffer is below its limit."""
        return self.writable.is_set()

    def handle_close(self, event: Frame) -> None:
        """The peer closes: nothing may be written from here on."""
        self.ended()
        super().handle_close(event)

    def shutdown(self) -> None:
        """The server ends."""
        self.ended()
        super().shutdown()

    def keepalive_timeout(self) -> None:
        """The peer answers no ping: close, and do not wait for a buffer that it will never read (pitfalls G14)."""
        self.ended()
        super().keepalive_timeout()
        self.loop.call_later(limits.ABORT_SECONDS, self.transport.abort)

    def pause_writing(self) -> None:
        """The buffer went above the high-water mark."""
        super().pause_writing()
        if self.on_full is not None:
            self.on_full()

    def resume_writing(self) -> None:
        """The buffer went below the low-water mark."""
        super().resume_writing()
        if self.on_writable is not None:
            self.on_writable()

    def close(self, code: int, reason: str = "") -> None:
        """Start the closing handshake without waiting for room in the buffer (pitfalls G14)."""
        if not self.is_open or self.close_sent or self.transport.is_closing():
            return
        self.ended()
        self.closed_for(code)
        self.queue.put_nowait({"type": "websocket.disconnect", "code": code, "reason": reason})
        self.conn.send_close(code, reason)
        self.transport.write(b"".join(self.conn.data_to_send()))
        self.close_sent = True
        if self.read_paused:
            self.read_paused = False
            self.read_on()
        self.close_timer = self.loop.call_later(self.close_timeout, self.transport.abort)

    def closed_for(self, code: int) -> None:
        """Count a flood, once: by its code, or by what was parsed before something else was wrong, or the peer left."""
        if not self._is_counted and (code == FLOODING or (code in WRONG and self.is_half_spent)):
            self._is_counted = True
            self._shared.floods.count(self._sessions)

    def abort(self) -> None:
        """Drop the connection at once, whatever is still in its buffer."""
        self._is_counted = True  # it is not the peer that leaves
        self.transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        """Let the application go, which holds this protocol through its scope."""
        self.ended()
        if not self.close_sent:  # who leaves just below the budget, and comes again, floods all the same
            self.closed_for(1006)
        super().connection_lost(exc)

    def ended(self) -> None:
        """Tell once, at once, that no frame may be written any more: writers do not ask before each."""
        ended, self.on_end, self.on_full, self.on_writable = self.on_end, None, None, None
        if ended is not None:
            ended()


def _seconds(named: list[str]) -> float:
    """Read how long nginx had the connection; what is no such number is 0, and longer than matters is cut."""
    return min(float(named[0]), LATE_SECONDS) if len(named) == 1 and SECONDS.fullmatch(named[0]) else 0.0
