"""Commands that end, and this process becoming another. Only this file and processes.py start anything."""

import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from signal import SIGHUP, SIGINT, SIGQUIT, SIGTERM
from typing import IO, Never

from deploy.errors import StackError, cannot_run

ENDING = (SIGHUP, SIGINT, SIGQUIT, SIGTERM)
OURS = "parley: "  # before an error of the command line
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
        raise cannot_run(command[0], error) from None
    if done.returncode != 0:
        said = (done.stderr.strip() or done.stdout.strip()).splitlines()[-LAST_LINES:]
        raise _failed(command, done.returncode, said)
    return done.stdout


def limited(command: Sequence[str], *, env: Mapping[str, str], cwd: Path, seconds: float) -> str | None:
    """Run a command that may hang, and give its stdout; None where it had to be killed, with all that it started.

    What it says on stderr is dropped. Raises StackError where it cannot be started.
    """
    try:
        process = subprocess.Popen(  # noqa: S603 (the command is ours)
            command,
            env=dict(env),
            cwd=cwd,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            encoding="utf-8",
            errors="replace",
            start_new_session=True,
        )
    except OSError as error:
        raise cannot_run(command[0], error) from None
    with process:
        try:
            return process.communicate(timeout=seconds)[0]
        except subprocess.TimeoutExpired:
            return None
        finally:
            with suppress(ProcessLookupError):  # it has ended, and nothing of it is left
                os.killpg(process.pid, signal.SIGKILL)


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
        raise cannot_run("bash", error) from None
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
            raise cannot_run(command[0], error) from None
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
            raise _failed(command, status, said)


def _failed(command: Sequence[str], status: int, said: Sequence[str]) -> StackError:
    """Make the error of what a command said; one line of Parley's own in a container says by itself what is wrong."""
    if len(said) == 1 and said[0].startswith(OURS):
        return StackError(said[0].removeprefix(OURS))
    return StackError("\n".join([f"{Path(command[0]).name} ended with {status}:", *said]))


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
            raise cannot_run(command[0], error) from None
        status = process.wait()
        return status if status >= 0 else 128 - status
    finally:
        for number in heard:
            signal.signal(number, signal.SIG_IGN)
        last()
        for number in heard:
            signal.signal(number, before[number])
