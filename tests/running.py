"""The stack of `./parley up`, started for tests on a free port in a temporary directory."""

import asyncio
import contextlib
import itertools
import json
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from deploy.effects.client.address import Address
from tests.checkout import ROOT
from tests.programs import bring_redis

READY_SECONDS = 90
UNLIMITED = (  # changes of a checkout whose clients may send as fast as they can
    ("parley.toml", "frames_per_second = 100 ", "frames_per_second = 100000 "),
    ("parley.toml", "burst = 200 ", "burst = 100000 "),
)
STOP_SECONDS = 60
_FIRST_PORT, _LAST_PORT = 10_000, int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
_START_PORT = random.randrange(_FIRST_PORT, _LAST_PORT)  # two runs on one machine do not go through them together
_PORTS = itertools.chain(range(_START_PORT, _LAST_PORT), range(_FIRST_PORT, _START_PORT))  # each is given once


@dataclass(frozen=True)
class Instance:
    """One gunicorn of the stack: `pid` is its master's."""

    name: str
    pid: int
    socket: Path
    metrics: str

    def workers(self) -> list[int]:
        """Return the pids of its workers now."""
        return [int(pid) for pid in Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text().split()]


@dataclass
class RunningStack:
    """A running `up`: where it answers, what it started, and everything it printed."""

    process: subprocess.Popen[str]
    directory: Path
    root: Path
    lines: list[str] = field(default_factory=list)
    printed: threading.Condition = field(default_factory=threading.Condition)

    async def line(self, *parts: str, timeout: float = 30) -> str:
        """Wait for a line with all these parts, from the first one printed on, and return it."""

        def find() -> str | None:
            return next((line for line in self.lines if all(part in line for part in parts)), None)

        def wait() -> str | None:
            with self.printed:
                return self.printed.wait_for(find, timeout)

        found = await asyncio.to_thread(wait)
        assert found, f"no line with {parts}; the last ones:\n" + "".join(self.lines[-20:])
        return found

    @property
    def state(self) -> dict[str, Any]:
        """Return what `up` wrote when it was ready."""
        state: dict[str, Any] = json.loads((self.directory / "run" / "state.json").read_text())
        return state

    @property
    def url(self) -> str:
        """Return the address of the site, without the last slash."""
        return str(self.state["url"]).rstrip("/")

    @property
    def address(self) -> Address:
        """Return the way through nginx."""
        return Address.at(self.url)

    @property
    def instances(self) -> list[Instance]:
        """Return the instances as they are now."""
        return [
            Instance(one["name"], one["pid"], Path(one["socket"]), one["metrics"]) for one in self.state["instances"]
        ]

    def pinned(self, number: int) -> Address:
        """Return the way to one instance, past nginx: a test that lets the listener choose can pass by luck."""
        return self.address.instance(self.instances[number].socket)

    async def manage(self, *arguments: str) -> str:
        """Run `./parley manage` on this stack and return what it printed."""
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-P", "-m", "deploy", "manage", "--dir", str(self.directory), *arguments),
            cwd=self.root,
            env=os.environ | {"PYTHONPATH": str(self.root)},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        printed, _ = await process.communicate()
        assert process.returncode == 0, printed.decode()
        return printed.decode()

    def measured(self, number: int) -> dict[str, float]:
        """Return what one instance's /metrics says now, by name."""
        with urllib.request.urlopen(f"http://{self.instances[number].metrics}/metrics", timeout=10) as answer:
            lines = answer.read().decode().splitlines()
        return {line.rpartition(" ")[0]: float(line.rpartition(" ")[2]) for line in lines if line[0] != "#"}

    async def until_measured(self, number: int, *, timeout: float = 20, **wanted: float) -> dict[str, float]:
        """Wait until an instance's metrics are so (parley_ left out), and return them all."""
        found: dict[str, float] = {}
        try:
            async with asyncio.timeout(timeout):
                while True:
                    found = await asyncio.to_thread(self.measured, number)
                    if all(found.get(f"parley_{name}") == value for name, value in wanted.items()):
                        return found
                    await asyncio.sleep(0.1)
        except TimeoutError:
            raise AssertionError(
                f"not {wanted}: { ({name: found.get(f'parley_{name}') for name in wanted}) }"
            ) from None

    def stop(self) -> int:
        """Stop as Ctrl-C does, and return the exit status."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
        return self.process.wait(STOP_SECONDS)


def changed_checkout(target: Path, *changes: tuple[str, str, str]) -> Path:
    """Copy what runs of this checkout, with (path, old text, new text) replaced; other settings, or a guard less.

    A text that is not there fails: a mutation that changes nothing would prove nothing.
    """
    for name in ("app", "deploy", "nginx", "requirements"):
        shutil.copytree(ROOT / name, target / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "parley.toml", target)
    shutil.copy(ROOT / "pyproject.toml", target)
    for path, old, new in changes:
        text = (target / path).read_text()
        assert old in text, f"{path} has no {old!r}"
        (target / path).write_text(text.replace(old, new))
    return target


def free_port() -> int:
    """Return a port that nobody listens on, and that is given to nobody else before it is used.

    Below those that the kernel hands out by itself: one of these could go to any socket of any test meanwhile.
    """
    for port in _PORTS:
        with contextlib.suppress(OSError), socket.socket() as probe:
            probe.bind(("127.0.0.1", port))
            return port
    raise AssertionError("every port is taken")


@contextlib.contextmanager
def running_stack(
    directory: Path, *options: str, root: Path = ROOT, python: str = sys.executable
) -> Iterator[RunningStack]:
    """Run `./parley up` of a checkout (with this Python, without the launcher) until the block ends."""
    command = [
        python,
        "-P",
        "-m",
        "deploy",
        "up",
        "--port",
        str(free_port()),
        "--dir",
        str(directory),
        *options,
    ]
    bring_redis(directory)
    process = subprocess.Popen(
        command,
        cwd=root,
        env=os.environ | {"PYTHONPATH": str(root)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        stdin=subprocess.DEVNULL,
        text=True,
        start_new_session=True,
    )
    stack = RunningStack(process, directory, root)
    ready = threading.Event()
    reader = threading.Thread(target=_follow, args=(stack, ready), daemon=True)
    reader.start()
    try:
        if not ready.wait(READY_SECONDS) or process.poll() is not None:
            raise AssertionError("`up` was not ready:\n" + "".join(stack.lines[-40:]))
        yield stack
    finally:
        try:
            stack.stop()
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(STOP_SECONDS)
            raise
        finally:
            reader.join(STOP_SECONDS)


def _follow(stack: RunningStack, ready: threading.Event) -> None:
    assert stack.process.stdout is not None
    with stack.process.stdout as output:
        for line in output:
            with stack.printed:
                stack.lines.append(line)
                stack.printed.notify_all()
            if "ready: https://" in line:
                ready.set()
    ready.set()  # ended: whoever waits looks why
