"""Processes that stay, each in a session of its own, and followed by the running loop."""

import asyncio
import ctypes
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from signal import SIGTERM, Signals
from typing import IO

from deploy.effects.commands import Finished

PARENT_DEATH = Path(__file__).with_name("parent_death.py")
PR_SET_CHILD_SUBREAPER = 36


async def run_beside(command: Sequence[str], *, env: Mapping[str, str], cwd: Path) -> Finished:
    """Run a command to its end while the loop goes on; a cancelled one is terminated."""
    process = Process(command, env=env, cwd=cwd)
    try:
        output = await process.output.read()
        return Finished(await process.wait(), output.decode(errors="replace").strip())
    finally:
        process.signal_group(SIGTERM)
        process.close()


def adopt_orphans(*, adopt: bool = True) -> None:
    """Become the parent of what a killed child leaves, so that it is reaped: not every PID 1 does that."""
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, int(adopt), 0, 0, 0)


class Process:
    """A child in a session of its own that ends with this process (parent_death.py), with both outputs in one pipe.

    Made inside a running loop. It is waited for through a pidfd: asyncio's own watcher on Python 3.11 is a thread.
    """

    def __init__(
        self, command: Sequence[str], *, env: Mapping[str, str], cwd: Path, pass_fds: Sequence[int] = ()
    ) -> None:
        wrapper = [sys.executable, "-I", "-S", str(PARENT_DEATH), str(os.getpid())]
        self._popen = subprocess.Popen(  # noqa: S603 (the commands are ours, and no shell reads them)
            [*wrapper, *command],
            env=env,
            cwd=cwd,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            pass_fds=pass_fds,
        )
        self.pid = self._popen.pid
        self._loop = asyncio.get_running_loop()
        self._ended: asyncio.Future[int] = self._loop.create_future()
        self._pidfd = os.pidfd_open(self.pid)
        self._loop.add_reader(self._pidfd, self._reap)
        assert self._popen.stdout is not None  # noqa: S101 (a pipe was asked for above)
        self.output = Output(self._popen.stdout)

    def _reap(self) -> None:
        self._loop.remove_reader(self._pidfd)
        os.close(self._pidfd)
        self._ended.set_result(self._popen.wait())

    async def wait(self) -> int:
        """Return the exit status; negative is the signal that ended it."""
        return await asyncio.shield(self._ended)

    @property
    def running(self) -> bool:
        """Whether it has not been reaped yet."""
        return not self._ended.done()

    def signal(self, number: Signals) -> None:
        """Signal the child alone."""
        if self.running:
            self._popen.send_signal(number)

    def signal_group(self, number: Signals) -> None:
        """Signal the child and everything it started."""
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, number)

    def group_alive(self) -> bool:
        """Tell whether anything of the child's session is left, reaping orphans that became ours."""
        if self.running:
            return True
        with suppress(ChildProcessError):
            while os.waitpid(-self.pid, os.WNOHANG)[0]:
                pass
        try:
            os.killpg(self.pid, 0)
        except ProcessLookupError:
            return False
        except PermissionError:
            return True
        return True

    def close(self) -> None:
        """Let go of the pipe."""
        self.output.close()


class Output:
    """The reading end of a child's pipe, read by the loop without a thread."""

    def __init__(self, pipe: IO[bytes]) -> None:
        self._pipe = pipe
        self._loop = asyncio.get_running_loop()
        os.set_blocking(pipe.fileno(), False)

    async def chunk(self) -> bytes:
        """Return what is there, waiting for some; empty at the end."""
        while True:
            try:
                return os.read(self._pipe.fileno(), 65_536)
            except BlockingIOError:
                ready = self._loop.create_future()
                self._loop.add_reader(self._pipe.fileno(), _wake, ready)
                try:
                    await ready
                finally:
                    if not self._pipe.closed:
                        self._loop.remove_reader(self._pipe.fileno())

    async def read(self) -> bytes:
        """Return everything up to the end."""
        chunks = []
        while data := await self.chunk():
            chunks.append(data)
        return b"".join(chunks)

    def close(self) -> None:
        """Close the pipe; a child that still writes gets EPIPE."""
        if not self._pipe.closed:
            # Its number comes again with another pipe, which the loop would take for this one and never look at.
            self._loop.remove_reader(self._pipe.fileno())
            self._pipe.close()


def _wake(ready: asyncio.Future[None]) -> None:
    if not ready.done():
        ready.set_result(None)
