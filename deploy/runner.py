"""The only caller of subprocess: commands that end, processes that stay, and this process becoming another."""

import asyncio
import ctypes
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from signal import SIGHUP, SIGINT, SIGQUIT, SIGTERM, Signals
from typing import IO, Never

from deploy.errors import StackError

LEASH = Path(__file__).with_name("leash.py")
PR_SET_CHILD_SUBREAPER = 36
ENDING = (SIGHUP, SIGINT, SIGQUIT, SIGTERM)
LAST_LINES = 15  # of what a failed command wrote


@dataclass(frozen=True)
class Finished:
    """What a command left: its exit status, and both outputs as one text."""

    status: int
    output: str


def run(command: Sequence[str], *, env: Mapping[str, str] | None = None, cwd: Path | None = None) -> Finished:
    """Run a command to its end, without a terminal to ask on."""
    done = subprocess.run(  # noqa: S603 (the commands are ours, and no shell reads them)
        command,
        env=env,
        cwd=cwd,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        errors="replace",
        check=False,
    )
    return Finished(done.returncode, done.stdout.strip())


def output(
    command: Sequence[str], *, env: Mapping[str, str] | None = None, cwd: Path | None = None, given: str = ""
) -> str:
    """Run a command to its end, with `given` as its stdin, and give its stdout alone.

    Raises StackError with the last lines of its stderr when it fails or cannot be started.
    """
    try:
        done = subprocess.run(  # noqa: S603 (the commands are ours, and no shell reads them)
            command, env=env, cwd=cwd, input=given, capture_output=True, encoding="utf-8", errors="replace", check=False
        )
    except OSError as error:
        raise StackError(f"{command[0]} cannot be run: {error.strerror}") from None
    if done.returncode != 0:
        said = (done.stderr.strip() or done.stdout.strip()).splitlines()[-LAST_LINES:]
        raise StackError("\n".join([f"{Path(command[0]).name} ended with {done.returncode}:", *said]))
    return done.stdout


def shell(script: str, *, env: Mapping[str, str], cwd: Path, say: Callable[[str], object]) -> Finished:
    """Run a script of bash that stops at its first failure, and tell each line of both outputs as it comes."""
    lines = []
    try:
        process = subprocess.Popen(  # noqa: S603 (a page of ours, or the operator's own)
            ["bash", "-euo", "pipefail", "-c", script],  # noqa: S607 (where bash is, differs)
            env=env,
            cwd=cwd,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            errors="replace",
        )
    except OSError as error:
        raise StackError(f"bash cannot be run: {error.strerror}") from None
    with process:
        for line in process.stdout or ():
            lines.append(line)
            say(line.rstrip("\n"))
    return Finished(process.returncode, "".join(lines).strip())


@contextmanager
def piped(
    command: Sequence[str],
    *,
    env: Mapping[str, str] | None = None,
    stdin: int | IO[bytes] = subprocess.DEVNULL,
    stdout: int | IO[bytes] = subprocess.DEVNULL,
) -> Iterator[subprocess.Popen[bytes]]:
    """Run a command whose input or output is a file or a pipe of the caller's, and wait for it at the end of the block.

    Raises StackError with the last lines of its stderr when it fails; a block that fails kills it.
    """
    with tempfile.TemporaryFile() as errors:
        try:
            process = subprocess.Popen(  # noqa: S603 (the commands are ours, and no shell reads them)
                command, env=None if env is None else dict(env), stdin=stdin, stdout=stdout, stderr=errors
            )
        except OSError as error:
            raise StackError(f"{command[0]} cannot be run: {error.strerror}") from None
        with process:
            try:
                with suppress(BrokenPipeError):  # it ended early: its status and its last lines say why
                    yield process
                    if process.stdin:
                        process.stdin.close()
                status = process.wait()
            except BaseException:
                process.kill()
                raise
        if status != 0:
            errors.seek(0)
            said = errors.read().decode(errors="replace").strip().splitlines()[-LAST_LINES:]
            raise StackError("\n".join([f"{Path(command[0]).name} ended with {status}:", *said]))


async def run_beside(command: Sequence[str], *, env: Mapping[str, str], cwd: Path) -> Finished:
    """Run a command to its end while the loop goes on; a cancelled one is terminated."""
    process = Process(command, env=env, cwd=cwd)
    try:
        output = await process.output.read()
        return Finished(await process.wait(), output.decode(errors="replace").strip())
    finally:
        process.signal_group(SIGTERM)
        process.close()


def on_terminal() -> bool:
    """Tell whether somebody is there to be asked, and to read the answer."""
    return sys.stdin.isatty() and sys.stdout.isatty()


def become(command: Sequence[str], *, env: Mapping[str, str], cwd: Path) -> Never:
    """Replace this process, so that terminal, signals and exit status are the command's own."""
    os.chdir(cwd)
    sys.stdout.flush()
    os.execvpe(command[0], list(command), dict(env))  # noqa: S606 (no shell is what is wanted)


def attached(
    command: Sequence[str],
    *,
    env: Mapping[str, str],
    cwd: Path,
    first: Callable[[], object],
    last: Callable[[], object],
) -> int:
    """Run a command on this terminal between two steps, and give its exit status as a shell does.

    The command gets the signals that would end this process, so that the last step is always done. Raises StackError
    where it cannot be started.
    """
    process: subprocess.Popen[bytes] | None = None

    def hand_on(number: int, _: object) -> None:
        if process is None:
            raise SystemExit(128 + number)
        process.send_signal(number)

    before = {number: signal.getsignal(number) for number in ENDING}
    heard = [number for number, action in before.items() if action is not signal.SIG_IGN]  # not what `nohup` set
    for number in heard:
        signal.signal(number, hand_on)
    sys.stdout.flush()
    try:
        first()
        try:
            process = subprocess.Popen(command, env=dict(env), cwd=cwd)  # noqa: S603 (the commands are ours)
        except OSError as error:
            raise StackError(f"{command[0]} cannot be run: {error.strerror}") from None
        status = process.wait()
        return status if status >= 0 else 128 - status
    finally:
        for number in heard:
            signal.signal(number, signal.SIG_IGN)
        last()
        for number in heard:
            signal.signal(number, before[number])


def adopt_orphans(*, adopt: bool = True) -> None:
    """Become the parent of what a killed child leaves, so that it is reaped: not every PID 1 does that."""
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, int(adopt), 0, 0, 0)


class Process:
    """A child in a session of its own, on a leash (see leash.py), with both outputs in one pipe.

    Made inside a running loop. It is waited for through a pidfd: asyncio's own watcher on Python 3.11 is a thread.
    """

    def __init__(
        self, command: Sequence[str], *, env: Mapping[str, str], cwd: Path, pass_fds: Sequence[int] = ()
    ) -> None:
        leash = [sys.executable, "-I", "-S", str(LEASH), str(os.getpid())]
        self._popen = subprocess.Popen(  # noqa: S603 (the commands are ours, and no shell reads them)
            [*leash, *command],
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
