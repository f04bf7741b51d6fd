"""Real workers of a project: gunicorn on a unix socket, past nginx, as one instance of a stack."""

import asyncio
import contextlib
import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path
from typing import Any

import httpx
from websockets.asyncio.client import unix_connect

from parley_serving.health import ASIDE
from tests.app.parley_serving.project.projects import ORIGIN, environment
from tests.running import free_port
from tests.waiting import PATIENCE

FORWARDED = {"X-Forwarded-Proto": "https", "X-Forwarded-For": "203.0.113.9"}  # what nginx says


@dataclass
class Instance:
    """A gunicorn, the way to it, and the lines that it has logged."""

    process: subprocess.Popen[str]
    socket: Path
    metrics_bind: str
    lines: list[dict[str, Any]] = field(default_factory=list)
    logged: threading.Condition = field(default_factory=threading.Condition)

    async def get(self, path: str, **headers: str) -> httpx.Response:
        """Ask for a page, as nginx passes it on."""
        async with httpx.AsyncClient(transport=httpx.AsyncHTTPTransport(uds=str(self.socket))) as client:
            return await client.get(f"http://site.example{path}", headers=FORWARDED | headers, timeout=PATIENCE)

    def connect(self, path: str, *, origin: str | None = ORIGIN, host: str = "site.example", **headers: str) -> Any:
        """Open a socket, as nginx passes it on."""
        settings: dict[str, Any] = {"additional_headers": FORWARDED | headers, "origin": origin, "compression": None}
        return unix_connect(str(self.socket), f"ws://{host}{path}", **settings)

    async def ready(self) -> None:
        """Wait until it is."""
        async with asyncio.timeout(PATIENCE):
            while not self.socket.exists():  # noqa: ASYNC110 (another process makes it)
                await asyncio.sleep(0.01)
        answer = await self.get(f"{ASIDE}/readyz")
        assert answer.status_code == HTTPStatus.OK, (answer.text, self.lines)

    async def metrics(self) -> str:
        """Return what it measures."""
        async with httpx.AsyncClient(trust_env=False) as client:
            return (await client.get(f"http://{self.metrics_bind}/metrics")).text

    def events(self) -> list[str]:
        """Return what was logged so far."""
        return [line["event"] for line in self.lines]

    def until(self, text: str) -> dict[str, Any]:
        """Wait for a line with this text."""

        def found() -> dict[str, Any] | None:
            return next((line for line in self.lines if text in line["event"]), None)

        with self.logged:
            line = self.logged.wait_for(lambda: found() or self.process.poll() is not None, PATIENCE) and found()
        assert line, f"no line with {text!r}: {self.lines}"
        return line

    def ended(self) -> int:
        """Wait for its end."""
        return self.process.wait(PATIENCE)


@contextlib.contextmanager
def instance(folder: Path, name: str = "web-1", **variables: str) -> Iterator[Instance]:
    """Run one until the block ends; ready or not."""
    path = folder.parent / f"{name}.sock"
    metrics_bind = f"127.0.0.1:{free_port()}"
    given = {
        "PARLEY_METRICS_BIND": metrics_bind,
        "PARLEY_INSTANCE": name,
        "PARLEY_BIND": f"unix:{path}",
        "PARLEY_TRUSTED_PROXIES": "*",
        "PARLEY_LOG_FORMAT": "json",
        "PARLEY_DRAIN_SECONDS": "0.5",
        "PARLEY_CLOSE_SECONDS": "1",
        **variables,
    }
    process = subprocess.Popen(
        [sys.executable, "-m", "gunicorn", "-c", "python:parley_serving.server"],
        cwd=folder,
        env=environment(folder, **given),
        stderr=subprocess.PIPE,
        text=True,
    )
    one = Instance(process, path, metrics_bind)
    reader = threading.Thread(target=_follow, args=(one,), daemon=True)
    reader.start()
    try:
        yield one
    finally:
        process.terminate()
        try:
            process.wait(PATIENCE)
        finally:
            process.kill()
            reader.join(PATIENCE)


def _follow(one: Instance) -> None:
    assert one.process.stderr is not None
    with one.process.stderr as lines:
        for text in lines:
            try:
                line = json.loads(text)
            except ValueError:
                line = {"event": text.rstrip()}
            with one.logged:
                one.lines.append(line)
                one.logged.notify_all()
    with one.logged:
        one.logged.notify_all()
