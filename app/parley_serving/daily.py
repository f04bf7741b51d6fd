"""A command once a day: `python -m parley_serving.daily [--at HH:MM] [--well FILE] NAME COMMAND…`.

With --at it runs at that time (UTC), and one that fails is told in a line and runs again the next day. Without it, it
runs now and then every day, and the first failure ends this program, which is started again by whoever watches it. FILE
is there while the last run went well. One run ends before the next begins; one that was missed is not made up for.
"""

import argparse
import logging
import logging.config
import os
import selectors
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from time import monotonic
from types import FrameType

from parley_serving import logs
from parley_serving.environment import environment

log = logging.getLogger("parley_serving.daily")

DAY = timedelta(days=1)
LONGEST_WAIT = 60.0  # seconds; then the clock is asked again: it may have been set, or the machine may have slept
LAST_LINES_SECONDS = 1.0  # for what is left in the pipe; a process that a run leaves behind may hold it open for ever
PYTHON = "python"  # in COMMAND: the one that runs this


def now() -> datetime:
    """Return the time."""
    return datetime.now(UTC)


def next_at(at: time, after: datetime) -> datetime:
    """Return when it is `at` the next time."""
    today = datetime.combine(after.date(), at, UTC)
    return today if today > after else today + DAY


class Daily:
    """One command, its runs one after the other, until `stop`."""

    def __init__(
        self, name: str, command: Sequence[str], *, well: Path | None = None, clock: Callable[[], datetime] = now
    ) -> None:
        self._name = name
        self._command = [sys.executable if word == PYTHON else word for word in command[:1]] + list(command[1:])
        self._well = well
        self._clock = clock
        self._stopping = threading.Event()
        self._child: subprocess.Popen[bytes] | None = None

    def stop(self, number: int = signal.SIGTERM, _frame: FrameType | None = None) -> None:
        """Start no other run, and hand the signal on to the one that goes on."""
        self._stopping.set()
        if self._child is not None:
            self._child.send_signal(number)

    def at(self, when: time) -> None:
        """Run it each day at this time, until it is to stop."""
        self._is_well()
        while self._wait_until(next_at(when, self._clock())):
            status, last = self._run()
            if self._stopping.is_set():
                return
            if status:
                self._is_not_well()
                log.error(
                    "%s failed: %s: %s; it runs again at %s UTC", self._name, ended(status), last, f"{when:%H:%M}"
                )
            else:
                self._is_well()

    def from_now_on(self) -> int:
        """Run it now and every day; return 1 where it fails, 0 where it is to stop."""
        while not self._stopping.is_set():
            status, last = self._run()
            if self._stopping.is_set():
                break
            if status:
                log.error("%s failed: %s: %s", self._name, ended(status), last)
                return 1
            self._is_well()
            self._wait_until(self._clock() + DAY)
        return 0

    def _wait_until(self, when: datetime) -> bool:
        """Return once it is that time, or False as soon as it is to stop."""
        while (left := (when - self._clock()).total_seconds()) > 0:
            if self._stopping.wait(min(left, LONGEST_WAIT)):
                return False
        return not self._stopping.is_set()

    def _run(self) -> tuple[int, str]:
        """Run it once, hand on what it writes, and return its exit status and its last line."""
        last, rest = b"", b""
        with subprocess.Popen(self._command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as child:  # noqa: S603
            self._child = child
            if self._stopping.is_set():  # since it was looked at last
                child.terminate()
            for data in _output(child):
                sys.stdout.buffer.write(data)
                sys.stdout.buffer.flush()
                *lines, rest = (rest + data).split(b"\n")
                last = next((line for line in reversed(lines) if line.strip()), last)
        self._child = None
        last = rest.strip() or last.strip()
        return child.returncode, last.decode(errors="replace") or "it said nothing"

    def _is_well(self) -> None:
        if self._well:
            self._well.touch()

    def _is_not_well(self) -> None:
        if self._well:
            self._well.unlink(missing_ok=True)


def _output(child: subprocess.Popen[bytes]) -> Iterator[bytes]:
    """Give what it writes, and once it has ended what is left."""
    pipe = child.stdout.fileno() if child.stdout else -1
    its_end, over = os.pidfd_open(child.pid), float("inf")
    try:
        with selectors.DefaultSelector() as both:
            both.register(pipe, selectors.EVENT_READ)
            both.register(its_end, selectors.EVENT_READ)
            while (left := over - monotonic()) > 0:
                ready = {key.fd for key, _ in both.select(None if left == float("inf") else left)}
                if pipe in ready:
                    if not (data := os.read(pipe, 65_536)):
                        return
                    yield data
                elif its_end in ready:
                    both.unregister(its_end)
                    over = monotonic() + LAST_LINES_SECONDS
    finally:
        os.close(its_end)


def ended(status: int) -> str:
    """Say how a process ended."""
    return f"was ended by {signal.Signals(-status).name}" if status < 0 else f"ended with exit status {status}"


def main(arguments: Sequence[str]) -> int:
    """Read the options and run until SIGTERM or SIGINT."""
    parser = argparse.ArgumentParser("python -m parley_serving.daily")
    parser.add_argument("--at", type=time.fromisoformat)
    parser.add_argument("--well", type=Path)
    parser.add_argument("name")
    parser.add_argument("command", nargs=argparse.REMAINDER)
    given = parser.parse_args(arguments)
    env = environment()
    logging.config.dictConfig(logs.configuration(style=env.log_format, level=env.log_level))
    daily = Daily(given.name, given.command, well=given.well)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, daily.stop)
    if given.at is None:
        return daily.from_now_on()
    daily.at(given.at)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
