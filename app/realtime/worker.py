"""gunicorn's worker for sockets: uvicorn with the websocket options that no gunicorn flag sets (pitfalls G1-G3)."""

import asyncio
import logging
import signal
import sys
import time
from types import FrameType
from typing import Any, ClassVar

from gunicorn.arbiter import Arbiter
from uvicorn.server import Server
from uvicorn_worker import UvicornWorker

from realtime import process
from realtime.protocol import PreparedProtocol
from realtime.socket import RESTART

log = logging.getLogger(__name__)

ANSWER_POLL_SECONDS = 0.02  # between two looks whether the last connection has gone


class DrainingServer(Server):
    """uvicorn's server, which lets its sockets go before it shuts down."""

    def __init__(self, config: Any, *, window: float, close_wait: float) -> None:
        super().__init__(config)
        self.window = window
        self.close_wait = close_wait
        self._drain: asyncio.Task[tuple[int, float]] | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    async def startup(self, sockets: Any = None) -> None:
        """Remember the loop that signals wake up."""
        self._loop = asyncio.get_running_loop()
        if self._captured_signals:
            self._begin_drain()  # asked to end before there was a loop to tell: gunicorn does not ask twice
        await super().startup(sockets)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:  # noqa: ARG002 (uvicorn's signature)
        """TERM, INT and QUIT all drain, once (pitfalls G1, D6); uvicorn then ends the process by this signal."""
        if not self._captured_signals:
            self._captured_signals.append(signal.SIGTERM)
            if self._loop is not None:
                self._loop.call_soon_threadsafe(self._begin_drain)

    async def _serve(self, sockets: Any = None) -> None:
        """Serve; the last line says how the drain went: gunicorn's exit code hides a SIGKILL (pitfalls L2)."""
        await super()._serve(sockets)
        if self._drain is not None:
            log.info("drain finished sockets=%d seconds=%.1f", *await self._drain)

    def _begin_drain(self) -> None:
        if self._drain is None and self._loop is not None:
            self._drain = self._loop.create_task(self._drain_all())
            self._drain.add_done_callback(self._drained)

    def _drained(self, _: object) -> None:
        """Leave, also where the drain failed: nobody asks again, and `_serve` raises what it was."""
        self.should_exit = True

    async def _drain_all(self) -> tuple[int, float]:
        """Return how many connections had to be dropped, and how many seconds it took."""
        started = time.monotonic()
        log.info("drain started sockets=%d window=%.1f", len(self._websockets()), self.window)
        # The listener goes first: a refused connection is what makes nginx take the next instance (pitfalls L1).
        for server in self.servers:
            server.close()
        if running := process.running():
            await running.drain(self.window)
        self._close_others()
        deadline = time.monotonic() + self.close_wait
        while self._websockets() and time.monotonic() < deadline:  # noqa: ASYNC110 (uvicorn's set has no event)
            await asyncio.sleep(ANSWER_POLL_SECONDS)
        left = self._websockets()
        for connection in left:
            connection.abort()
        if running:
            await running.stop()
        return len(left), time.monotonic() - started

    def _close_others(self) -> None:
        """Close with 1012 the sockets that no drain knows: those of stock consumers, and who was just accepted."""
        for connection in self._websockets():
            if connection.is_open and not connection.close_sent:
                connection.close(RESTART)
                # What the consumer sends from now on ends it quietly, as with a peer that went away.
                connection.disconnected = True

    def _websockets(self) -> list[PreparedProtocol]:
        return [one for one in self.server_state.connections if isinstance(one, PreparedProtocol)]


class ChatWorker(UvicornWorker):  # type: ignore[misc]  # uvicorn-worker ships no types
    """Subclassed in gunicorn.conf.py with the numbers of the environment."""

    CONFIG_KWARGS: ClassVar[dict[str, Any]] = {
        "loop": "auto",
        "http": "auto",
        # A class, not "auto": without a websocket library this is an import error at boot, not a 404 (pitfalls A2).
        "ws": PreparedProtocol,
        "lifespan": "off",  # Channels routes no lifespan (pitfalls A7)
        "access_log": False,  # nginx writes it, without query strings (pitfalls N14)
        "ws_per_message_deflate": False,  # chat frames are small: memory and CPU for nothing (pitfalls G16)
    }
    drain_window: ClassVar[float] = 5.0
    close_wait: ClassVar[float] = 2.0

    async def _serve(self) -> None:
        """Run uvicorn with our drain, and keep gunicorn's heartbeat going to the very end."""
        self.config.app = self.wsgi
        server = DrainingServer(self.config, window=self.drain_window, close_wait=self.close_wait)
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGQUIT, server.handle_exit, signal.SIGQUIT, None)
        heartbeat = loop.create_task(self._heartbeat())
        await server.serve(sockets=self.sockets)
        heartbeat.cancel()
        if not server.started:
            sys.exit(Arbiter.WORKER_BOOT_ERROR)

    async def _heartbeat(self) -> None:
        """uvicorn's own stops in its shutdown, and gunicorn's `timeout` would kill a draining worker (pitfalls L3)."""
        while True:
            self.notify()
            await asyncio.sleep(self.timeout / 4)
