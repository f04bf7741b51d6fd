"""One process of the stack: started, followed, started again when it dies, stopped when asked."""

import asyncio
import signal
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from deploy.effects import files, processes

STABLE_SECONDS = 30  # a process that lived this long starts again at once
LONGEST_PAUSE = 10.0
SWEEP_POLL = 0.05
LAST_LINES_SECONDS = 1.0  # for what is left in the pipe; somebody outside the session may hold it open for ever

Say = Callable[[str, str], None]  # (name, line)


@dataclass(frozen=True)
class Service:
    """What to run, and how it wants to be stopped."""

    name: str
    command: tuple[str, ...]
    env: Mapping[str, str] = field(repr=False)
    cwd: Path
    stop_signal: signal.Signals = signal.SIGTERM
    grace: float = 5.0  # seconds from stop_signal to SIGKILL
    stale: tuple[Path, ...] = ()  # unix sockets that one that was killed leaves, and the next would not start over
    beside: bool = False  # of the project, and the site is up without it: no start waits for it


class Supervised:
    """Keeps one Service running until stop(). pid is the current process's, or None between two."""

    def __init__(self, service: Service, say: Say, changed: Callable[[], None], inherit: int) -> None:
        self.service = service
        self.deaths = 0
        self.quick_deaths = 0  # one after the other
        self._last_line = ""
        self._say = say
        self._changed = changed
        self._inherit = inherit
        self._process: processes.Process | None = None
        self._stopping = asyncio.Event()

    @property
    def pid(self) -> int | None:
        """The process's id while it runs."""
        return self._process.pid if self._process is not None and self._process.running else None

    async def run(self) -> None:
        """Start it, and start it again whenever it ends, with growing pauses while it keeps dying."""
        loop = asyncio.get_running_loop()
        while not self._stopping.is_set():
            started = loop.time()
            stable = loop.call_later(STABLE_SECONDS, self._is_stable)
            try:
                how = ended(await self._once())
                if self.service.beside and loop.time() - started <= STABLE_SECONDS:
                    how += f": {self._last_line or 'it said nothing'}"
            except OSError as error:
                if self._process is None and not self.service.beside:
                    raise  # a command that cannot be started at all
                how = f"could not be started: {error.strerror}"
            finally:
                stable.cancel()
            if self._stopping.is_set():
                return
            self.deaths += 1
            is_stable = loop.time() - started > STABLE_SECONDS
            self.quick_deaths = 0 if is_stable else self.quick_deaths + 1
            pause = min(LONGEST_PAUSE, 0.5 * 2 ** (self.quick_deaths - 2)) if self.quick_deaths > 1 else 0.0
            self._say("up", f"{self.service.name} {how}; starting it again" + (f" in {pause:g} s" if pause else ""))
            self._changed()
            await self._pause(pause)

    def _is_stable(self) -> None:
        if self.quick_deaths:
            self.quick_deaths = 0
            self._changed()

    async def _once(self) -> int:
        """Run it to its end, and leave nothing of its session."""
        service = self.service
        for path in service.stale:
            files.remove(path)
        process = processes.Process(service.command, env=service.env, cwd=service.cwd, pass_fds=(self._inherit,))
        self._process = process
        follower = asyncio.create_task(self._follow(process))
        self._changed()
        try:
            status = await process.wait()
            # A killed master leaves workers that hold its ports: they end first, with the time they are promised.
            await self._sweep(process)
            await asyncio.wait({follower}, timeout=LAST_LINES_SECONDS)
        finally:
            follower.cancel()
            process.close()
        return status

    async def _sweep(self, process: processes.Process) -> None:
        for number in (signal.SIGTERM, signal.SIGKILL):
            if not process.group_alive():
                return
            process.signal_group(number)
            await _until(lambda: not process.group_alive(), self.service.grace)

    async def _follow(self, process: processes.Process) -> None:
        """Say each line that the process writes."""
        self._last_line = ""
        rest = b""
        while data := await process.output.chunk():
            *lines, rest = (rest + data).split(b"\n")
            for line in lines:
                self._hear(line)
        if rest:
            self._hear(rest)

    def _hear(self, line: bytes) -> None:
        text = line.decode(errors="replace")
        self._last_line = text.strip() or self._last_line
        self._say(self.service.name, text)

    async def _pause(self, seconds: float) -> None:
        try:
            await asyncio.wait_for(self._stopping.wait(), seconds)
        except TimeoutError:
            return

    def ask_to_stop(self) -> None:
        """Send the signal it stops by, and don't start it again."""
        self._stopping.set()
        if self._process is not None:
            self._process.signal(self.service.stop_signal)

    def kill(self) -> None:
        """End it and all that it started, now."""
        self._stopping.set()
        if self._process is not None:
            self._process.signal_group(signal.SIGKILL)


def ended(status: int) -> str:
    """Say how a process ended."""
    return f"was ended by {signal.Signals(-status).name}" if status < 0 else f"ended with exit status {status}"


async def _until(condition: Callable[[], bool], seconds: float) -> None:
    """Poll: the kernel has no event for a process group that has become empty."""
    deadline = asyncio.get_running_loop().time() + seconds
    while not condition() and asyncio.get_running_loop().time() < deadline:  # noqa: ASYNC110 (nothing to await)
        await asyncio.sleep(SWEEP_POLL)
