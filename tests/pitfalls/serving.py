"""Real servers around stock code: uvicorn in this loop, and any other as a process."""

import asyncio
import contextlib
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import uvicorn
from asgiref.sync import sync_to_async
from channels.routing import URLRouter
from django import urls
from django.db import connections
from websockets.asyncio.client import ClientConnection

from tests import programs
from tests.checkout import ROOT
from tests.running import free_port
from tests.waiting import PATIENCE

HERE = Path(__file__).parent


class Served:
    """A process, and all it printed."""

    def __init__(self, process: "subprocess.Popen[str]", port: int = 0) -> None:
        self.process = process
        self.port = port
        self.printed = ""
        self.more = threading.Condition()
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()

    @property
    def url(self) -> str:
        return f"ws://127.0.0.1:{self.port}/ws/"

    def _read(self) -> None:
        assert self.process.stdout is not None
        with self.process.stdout as output:
            for line in output:
                with self.more:
                    self.printed += line
                    self.more.notify_all()

    def until(self, pattern: str, times: int = 1, timeout: float = PATIENCE) -> str:
        """Wait until it has printed this, and return the last match."""
        with self.more:
            found = self.more.wait_for(lambda: len(re.findall(pattern, self.printed)) >= times, timeout)
        assert found, f"not {times} times {pattern!r} in\n{self.printed[-4000:]}"
        return str(re.findall(pattern, self.printed)[-1])

    async def prints(self, pattern: str, times: int = 1) -> str:
        return await asyncio.to_thread(self.until, pattern, times)

    def end(self) -> int:
        """Wait for its own end, and return the status."""
        status = self.process.wait(PATIENCE)
        self.reader.join(PATIENCE)
        return status

    @property
    def children(self) -> list[int]:
        pid = self.process.pid
        return [int(one) for one in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


@contextlib.contextmanager
def process(*command: str, cwd: Path = HERE, port: int = 0, **env: Any) -> Iterator[Served]:
    """Run a command in a session of its own; whatever is left of it at the end is killed."""
    env = {"PYTHONPATH": str(HERE), "PATH": os.environ["PATH"], "PYTHONUNBUFFERED": "1", "HOME": "/nonexistent"} | env
    options: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
    started = subprocess.Popen(command, cwd=cwd, env=env, start_new_session=True, **options)
    served = Served(started, port)
    try:
        yield served
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(started.pid, signal.SIGKILL)
        served.end()


@contextlib.contextmanager
def stock_uvicorn(target: str = "stock.asgi:application", *options: str, **env: Any) -> Iterator[Served]:
    """Run `uvicorn stock.asgi:application` until the block ends."""
    port = free_port()
    command = (sys.executable, "-m", "uvicorn", target, "--port", str(port), *options)
    with process(*command, port=port, **env) as served:
        served.until(r"Uvicorn running on")
        yield served


@contextlib.contextmanager
def stock_gunicorn(*options: str, worker: str = "uvicorn_worker.UvicornWorker", **env: Any) -> Iterator[Served]:
    """Run `gunicorn -k uvicorn_worker.UvicornWorker stock.asgi:application` until the block ends."""
    port = free_port()
    command = (sys.executable, "-m", "gunicorn", "-k", worker, "-b", f"127.0.0.1:{port}", "--no-control-socket")
    with process(*command, *options, "stock.asgi:application", port=port, **env) as served:
        served.until(r"Started server process|Application startup complete|Booting worker")
        listens(port)
        yield served


@contextlib.contextmanager
def our_gunicorn(folder: Path, **env: Any) -> Iterator[Served]:
    """Run the app as the stacks do, alone and on a port."""
    port = free_port()
    env = {
        "PYTHONPATH": "",
        "PARLEY_ENV": "local",
        "PARLEY_BIND": f"127.0.0.1:{port}",
        "PARLEY_ORIGINS": f"http://127.0.0.1:{port}",
        "PARLEY_DATABASE_URL": f"sqlite:///{folder}/parley.sqlite3",
        "PARLEY_LAYER_URL": "none://",
    } | env
    command = (sys.executable, "-m", "gunicorn", "-c", "gunicorn.conf.py", "config.asgi:application")
    with process(*command, cwd=ROOT / "app", port=port, **env) as served:
        yield served


def listens(port: int) -> None:
    """Wait until somebody listens on a port of this machine."""
    waiting = threading.Event()
    for _ in range(400):
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        waiting.wait(0.05)
    raise AssertionError(f"nobody listens on {port}")


async def until(condition: Callable[[], Any], what: str = "it came true") -> None:
    """Wait, with a bound, for what has no event."""
    async with asyncio.timeout(PATIENCE):
        while not condition():  # noqa: ASYNC110 (what another process does has no event)
            await asyncio.sleep(0.01)


def routed(path: str, consumer: Any) -> Any:
    """Give a path to a consumer, as a tutorial's routing.py does."""
    routes: list[Any] = [urls.path(path, consumer.as_asgi())]  # the stubs know views alone
    return URLRouter(routes)


@contextlib.asynccontextmanager
async def in_this_loop(application: Any, *, path: Path | None = None, **options: Any) -> AsyncIterator[str]:
    """Serve an ASGI application with a real uvicorn; gives the ws address of its root, without the last slash."""
    # What a test before has left open in this loop's thread: Channels would ask it, and may not in every test.
    await sync_to_async(connections.close_all)()
    if path is None:
        listener = socket.create_server(("127.0.0.1", 0))
    else:
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(str(path))
    defaults: dict[str, Any] = {
        "lifespan": "off", "log_config": None, "ws": "websockets-sansio", "timeout_graceful_shutdown": 1
    }  # fmt: skip
    server = uvicorn.Server(uvicorn.Config(application, **(defaults | options)))
    task = asyncio.create_task(server.serve(sockets=[listener]))
    await until(lambda: server.started)
    try:
        yield f"ws://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        await task
        listener.close()


@contextlib.contextmanager
def redis(*options: str) -> Iterator[Path]:
    """Run a Redis on a unix socket; gives the socket, with `redis.pid` beside it."""
    server = str(programs.redis_server())
    with tempfile.TemporaryDirectory(prefix="parley-pit-") as name:
        path = Path(name) / "redis.sock"
        command = (server, "--port", "0", "--unixsocket", str(path), "--save", "", "--dir", name, *options)
        with process(*command) as served:
            served.until("(?i)ready to accept connections|now ready")
            (Path(name) / "redis.pid").write_text(str(served.process.pid))
            yield path


@contextlib.contextmanager
def nginx(http: str, *, events: str = "", main: str = "", binary: Path | None = None) -> Iterator[Served]:
    """Run an nginx in the foreground with this inside http {}; `LISTEN` stands for its port."""
    found = str(binary or programs.nginx().path)
    port = free_port()
    with tempfile.TemporaryDirectory(prefix="parley-pit-") as name:
        temporary = "".join(
            f"{one}_temp_path {name}/{one};\n" for one in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
        )
        text = (
            f"daemon off;\npid {name}/nginx.pid;\nerror_log stderr info;\n{'user root;' if os.getuid() == 0 else ''}\n"
            f"{main}\nevents {{ {events} }}\nhttp {{ access_log off; {temporary}\n"
            f"{http.replace('LISTEN', f'127.0.0.1:{port}')}\n}}\n"
        )
        (Path(name) / "nginx.conf").write_text(text)
        with process(found, "-e", "stderr", "-p", name, "-c", f"{name}/nginx.conf", port=port) as served:
            listens(port)
            yield served


async def hung_up(connection: ClientConnection) -> str:
    """Read to the end, and return how the client library words it."""
    from websockets.exceptions import ConnectionClosed

    async with asyncio.timeout(PATIENCE):
        try:
            while True:
                await connection.recv()
        except ConnectionClosed as closed:
            return str(closed)
