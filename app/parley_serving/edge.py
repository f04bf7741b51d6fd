"""nginx as one process sees it, and how it learns of a reload without anybody telling it (docs/decisions/reloads.md).

A worker of nginx that is told to leave closes idle connections at once, and WebSocket connections not before
worker_shutdown_timeout, then all of them without a word (pitfalls N3). So each process keeps one idle connection, and
moves its sockets when that one ends.
"""

import asyncio
import logging
import socket
from collections.abc import Callable

from parley_serving.protocol import NGINX_WORKER

log = logging.getLogger(__name__)

REQUEST = b"GET /worker HTTP/1.1\r\nHost: edge\r\n\r\n"
ANSWER_SECONDS = 1.0
RETRY_SECONDS = 0.25
NO_NAME_SECONDS = 2.0  # after a name that nobody knows: the resolver is asked in a thread of the pool
AGAIN_SECONDS = 0.05  # after one that was held: every old worker has closed its listener by then
# nginx starts its new workers some 100 ms before it tells the old ones to leave. A worker that came so shortly before
# the connection ended, or later, is a new one; on a busy machine the two are further apart.
OVERLAP_SECONDS = 3.0
KEEPALIVE = {"TCP_KEEPIDLE": 5, "TCP_KEEPINTVL": 1, "TCP_KEEPCNT": 3}  # an edge whose network is gone says nothing


class Edge:
    """Keeps the connection, knows the workers by when they were first seen, and says when they are told to leave."""

    def __init__(self, address: str, workers: dict[str, float], *, left: Callable[[float], None]) -> None:
        """`workers` are those whose handshakes came here, by when the first did.

        `left(moment)` is called when nginx's workers of before that moment, of the loop's clock, leave.
        """
        self.address = address
        self.workers = workers
        self.is_connected = False
        self._left = left
        self._ended_at: float | None = None
        self._held = ("", 0.0)  # the worker that had the connection, and since when

    async def run(self) -> None:
        """Connect, wait for the end, find out what it meant; until cancelled."""
        loop = asyncio.get_running_loop()
        _edges[loop] = self
        try:
            await self._keep_connected()
        finally:
            _edges.pop(loop, None)

    async def _keep_connected(self) -> None:
        while True:
            pause = RETRY_SECONDS
            try:
                await self._hold()
                pause = AGAIN_SECONDS
            except (ConnectionRefusedError, FileNotFoundError):
                self._refused()
            except socket.gaierror as error:
                pause = NO_NAME_SECONDS
                log.debug("nginx has no address: %s", error)
            except (OSError, EOFError, TimeoutError, ValueError) as error:
                log.debug("nginx gave no answer: %s", error)  # too busy, or not there: what it meant is not known yet
            except Exception:
                # Whatever it was: without this task no reload would ever be noticed again.
                log.exception("the connection to nginx failed; trying again")
            await asyncio.sleep(pause)

    async def _hold(self) -> None:
        """Hold one connection to its end."""
        async with asyncio.timeout(ANSWER_SECONDS):
            reader, writer = await self._connect()
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                writer.write(REQUEST)
                worker = _worker(await reader.readuntil(b"\r\n\r\n"))
            self._answered(worker)
            self._held = (worker, asyncio.get_running_loop().time())
            self.is_connected = True
            log.info("nginx found worker=%s", worker)
            await reader.read(1)
        finally:
            # Where reloads follow each other, one that has not answered yet may be told to leave as well.
            if self.is_connected or self._ended_at is not None:
                self._ended_at = asyncio.get_running_loop().time()
            self.is_connected = False
            writer.close()

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        if self.address.startswith("unix:"):
            return await asyncio.open_unix_connection(self.address.removeprefix("unix:"))
        host, _, port = self.address.rpartition(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        connected: socket.socket = writer.get_extra_info("socket")
        connected.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        for name, value in KEEPALIVE.items():
            if hasattr(socket, name):
                connected.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)
        return reader, writer

    def _answered(self, worker: str) -> None:
        """Look whether a new worker answers: nginx also ends idle connections where it has too few.

        A new one came shortly before the connection ended; or after it began, where the old worker took long to leave.
        """
        now = asyncio.get_running_loop().time()
        ended_at, self._ended_at = self._ended_at, None
        held, since = self._held
        seen = self.workers.setdefault(worker, now)
        if ended_at is not None and worker != held and seen > min(since, ended_at - OVERLAP_SECONDS):
            last = min(seen, ended_at) - OVERLAP_SECONDS
            for one in [one for one, seen in self.workers.items() if seen <= last]:
                del self.workers[one]  # its number is free for another process
            self._left(ended_at)

    def _refused(self) -> None:
        """Nobody listens: nginx was told to end, and keeps its sockets as long as after a reload.

        In a container the workers of the next one can have the same numbers.
        """
        self.workers.clear()
        if self._ended_at is not None:
            ended_at, self._ended_at = self._ended_at, None
            self._left(ended_at)


_edges: dict[asyncio.AbstractEventLoop, Edge] = {}  # those that run


def word() -> str:
    """Return ok, or away where this process would not notice a reload; empty: there is no edge."""
    found = _edges.get(asyncio.get_running_loop())
    return "" if found is None else "ok" if found.is_connected else "away"


def _worker(head: bytes) -> str:
    """Read the worker from the head of the answer."""
    for line in head.decode("latin-1").splitlines():
        name, _, value = line.partition(":")
        if name.lower() == NGINX_WORKER.lower() and value.strip().isdecimal():
            return value.strip()
    raise ValueError("an answer without a worker")
