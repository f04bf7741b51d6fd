"""gunicorn's worker for sockets: uvicorn with the websocket options that no gunicorn flag sets (pitfalls G1-G3)."""

import asyncio
import logging
import signal
import sys
import time
from collections.abc import Callable, Coroutine
from types import FrameType
from typing import Any, ClassVar

from gunicorn.arbiter import Arbiter
from uvicorn.server import Server
from uvicorn_worker import UvicornWorker

from parley_serving import application, metrics
from parley_serving.budget import Budget
from parley_serving.cancellation import end
from parley_serving.connections import HURRY_SECONDS, Connections
from parley_serving.drain import BATCH_SECONDS, LOOK_SECONDS, drain, over_or
from parley_serving.edge import Edge
from parley_serving.protocol import LATE_SECONDS, PreparedProtocol, Shared

log = logging.getLogger(__name__)


class DrainingServer(Server):
    """uvicorn's server, which drains its sockets before it shuts down, and before nginx cuts them."""

    def __init__(
        self, config: Any, *, window: float, close_wait: float, edge: str = "", budget: Budget | None = None
    ) -> None:
        super().__init__(config)
        self.window = window
        self.close_wait = close_wait
        workers: dict[str, float] = {}
        self.server_state = Shared(workers if edge else None, budget)
        self.connections = Connections(self.server_state)
        self.edge = Edge(edge, workers, left=self._reloaded) if edge else None
        self._drain: asyncio.Task[tuple[int, float]] | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._background: set[asyncio.Task[None]] = set()  # that end with the drain

    async def startup(self, sockets: Any = None) -> None:
        """Listen; a signal that came meanwhile drains what there is now.

        The application's lifespan may take long, and until it is over there is no listener that a drain could close.
        """
        metrics.show("sockets", lambda: float(len(self.connections.open())))  # until an application counts its own
        await super().startup(sockets)
        if self.should_exit:  # the application's lifespan failed
            return
        self._loop = asyncio.get_running_loop()
        if self._captured_signals:
            self._begin_drain()  # asked to end before there was a loop to tell: gunicorn does not ask twice
        elif self.edge is not None:
            self._start_background(self.edge.run())
            edge = self.edge
            metrics.show("edge", lambda: float(edge.is_connected))

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
        log.info("drain started sockets=%d window=%.1f", len(self.connections.all()), self.window)
        # The listener goes first: a refused connection is what makes nginx take the next instance (pitfalls L1).
        for server in self.servers:
            server.close()
        if running := application.running():
            running.is_draining = True
        await end(self._background)  # who was told by one of these goes; the rest is told here
        await self._drain_those(lambda _: True, is_over=self.connections.are_gone, look=LOOK_SECONDS)
        deadline = asyncio.get_running_loop().time() + self.close_wait
        await over_or(lambda: self._is_over(deadline), deadline)
        left = self.connections.all()
        for connection in left:
            connection.abort()
        if running:
            await running.stop()
        return len(left), time.monotonic() - started

    def _is_over(self, deadline: float) -> bool:
        """Tell whether nobody is there any more, and drain who was accepted in the last moment.

        Shortly before the deadline, at which all are dropped, there is only time to close.
        """
        if asyncio.get_running_loop().time() < deadline - HURRY_SECONDS:
            self.connections.hurry()
        else:
            self.connections.close(self.connections.open())
        return self.connections.are_gone()

    async def _drain_those(
        self, concerned: Callable[[PreparedProtocol], bool], *, is_over: Callable[[], bool], look: float
    ) -> None:
        """Drain all that are concerned, spread over the window, then close who was told and stayed."""
        await drain(
            lambda: self.connections.open(lambda one: concerned(one) and not one.told),
            window=self.window,
            is_over=is_over,
            tell=self.connections.tell,
            count=metrics.count,
            look=look,
        )
        left = self.connections.open(lambda one: concerned(one) and bool(one.told or not self.window))
        metrics.count("drain_stragglers", self.connections.close(left))

    def _reloaded(self, moment: float) -> None:
        """nginx's workers of before that moment leave, and cut what is left of them after worker_shutdown_timeout.

        A worker that leaves has closed its listener. So what was accepted later has one that stays, and what was
        accepted before may have one that leaves, whenever its handshake came.
        """

        def concerned(one: PreparedProtocol) -> bool:
            return one.accepted <= moment

        metrics.count("nginx_reloads", 1)
        self._start_background(self._move(concerned))

    async def _move(self, concerned: Callable[[PreparedProtocol], bool]) -> None:
        """Drain the sockets of nginx's old workers, while this server goes on and takes those that come back."""
        loop = asyncio.get_running_loop()
        started = loop.time()

        def left() -> list[PreparedProtocol]:
            return self.connections.open(concerned)

        log.info("reload started sockets=%d window=%.1f", len(left()), self.window)
        # To find out whether one of them is open takes a look at every socket that came since: seldom.
        await self._drain_those(concerned, is_over=lambda: self.connections.are_closed(concerned), look=BATCH_SECONDS)
        log.info("reload finished sockets=%d seconds=%.1f", len(left()), loop.time() - started)
        # A handshake that an old worker was at when it was told to leave.
        while loop.time() < started + LATE_SECONDS:
            await asyncio.sleep(BATCH_SECONDS)
            self.connections.hurry(concerned)

    def _start_background(self, run: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(run)
        self._background.add(task)
        task.add_done_callback(self._background.discard)


class DrainingWorker(UvicornWorker):  # type: ignore[misc]  # uvicorn-worker ships no types
    """Subclassed in server.py with the numbers of the environment."""

    CONFIG_KWARGS: ClassVar[dict[str, Any]] = {
        "loop": "auto",
        "http": "auto",
        # A class, not "auto": without a websocket library this is an import error at boot, not a 404 (pitfalls A2).
        "ws": PreparedProtocol,
        "lifespan": "off",  # Channels routes none (pitfalls A7); server.py asks an application that has one
        "access_log": False,  # nginx writes it, without query strings (pitfalls N14)
        "ws_per_message_deflate": False,  # chat frames are small: memory and CPU for nothing (pitfalls G16)
    }
    drain_window: ClassVar[float] = 5.0
    close_wait: ClassVar[float] = 2.0
    edge: ClassVar[str] = ""
    budget: ClassVar[Budget] = Budget.above()

    async def _serve(self) -> None:
        """Run uvicorn with our drain, and keep gunicorn's heartbeat going to the very end."""
        self.config.app = self.wsgi
        server = DrainingServer(
            self.config, window=self.drain_window, close_wait=self.close_wait, edge=self.edge, budget=self.budget
        )
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
