"""One command line, from its words to its exit status: whatever ends it badly is one line, and no traceback."""

import errno
import os
import select
import signal
import sys
from collections.abc import Sequence
from contextlib import suppress

import typer

from deploy.cli.project import require_known
from deploy.effects.files import is_text
from deploy.errors import BadInputError, StackError

INTERRUPTED = 128 + signal.SIGINT
# What the system says of a path that somebody typed; anything else it says is the machine's.
MISTYPED = {errno.EACCES, errno.EPERM, errno.ENAMETOOLONG, errno.ENOTDIR, errno.EISDIR, errno.ELOOP, errno.ENOENT}
PASSED_ON = {"manage", "test"}  # their words are for another program, which may take any bytes


def run(app: typer.Typer, words: Sequence[str]) -> int:
    """Run one command and give its exit status: 2 after bad input, 1 after a failure, each with its one line."""
    try:
        try:
            return _status(app, words)
        finally:
            sys.stdout.flush()  # here, where what goes wrong can still be said
    except BadInputError as error:
        return fail(str(error), 2)
    except StackError as error:
        return fail(str(error), 1)
    except typer.TyperException as error:
        return fail(_wrong(error), 2)
    except OSError as error:
        if isinstance(error, BrokenPipeError) and _reader_has_gone():
            _end_as_others_do()
        _give_up_stdout()
        return fail(_named(error), 2 if error.filename and error.errno in MISTYPED else 1)
    except KeyboardInterrupt:
        return INTERRUPTED


def _status(app: typer.Typer, words: Sequence[str]) -> int:
    if not PASSED_ON & set(words[:1]):
        for word in words:
            if not is_text(word):
                raise BadInputError(f"{word!r} is not UTF-8")
    command = typer.main.get_command(app)
    require_known(command, words)
    try:
        # Not command.main(), which has an ending of its own for a reader that has gone.
        with command.make_context("./parley", list(words) or ["--help"]) as context:
            command.invoke(context)
    except typer.Exit as ended:
        return ended.exit_code
    return 0


def fail(message: str, status: int) -> int:
    """Say it, and give the status. Bad input is one line; what a failed program said may be some more."""
    lines = [_printable(line) for line in message.splitlines() if line.strip()]
    with suppress(OSError):  # nobody reads it: the status says it too
        sys.stderr.write("parley: " + (" ".join(map(str.strip, lines)) if status == 2 else "\n".join(lines)) + "\n")
        sys.stderr.flush()
    return status


def _wrong(error: typer.TyperException) -> str:
    """Say what is wrong with the words, and where it is not said what would be right, which help says it."""
    said = error.format_message().replace("Value error, ", "")
    context = getattr(error, "ctx", None)
    if context is None or said.startswith("Invalid value") or "Choose from" in said:
        return said
    end = "" if said.endswith((".", "?")) else "."
    return f"{said}{end} See `{context.command_path} --help`"


def _printable(line: str) -> str:
    """Write control characters as Python does: what was typed must not move the cursor."""
    return "".join(one if one.isprintable() or one == "\t" else repr(one)[1:-1] for one in line)


def _named(error: OSError) -> str:
    if error.filename is None or error.strerror is None:
        return error.strerror or str(error)
    name = os.fsdecode(error.filename) if isinstance(error.filename, bytes) else error.filename
    return f"{name}: {error.strerror}"


def _reader_has_gone() -> bool:
    """Tell whether it is our stdout that nobody reads, and not some other pipe."""
    look = select.poll()
    look.register(sys.stdout.fileno(), select.POLLOUT)
    return any(events & select.POLLERR for _, events in look.poll(0))


def _end_as_others_do() -> None:
    """Die of SIGPIPE, so that a shell sees what it sees of cat."""
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    signal.raise_signal(signal.SIGPIPE)


def _give_up_stdout() -> None:
    """Drop what a full disk does not take: Python would try once more at its end, and exit with 120."""
    try:
        sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def open_streams() -> None:
    """Open what the caller closed (`>&-`): the next file or socket would get its number, and what is printed."""
    for descriptor in range(3):
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # the lowest number that is free
    sys.stdin = sys.stdin or open(0, encoding="utf-8", closefd=False)  # noqa: SIM115 (a descriptor)
    sys.stdout = sys.stdout or open(1, "w", encoding="utf-8", closefd=False)  # noqa: SIM115
    sys.stderr = sys.stderr or open(2, "w", encoding="utf-8", closefd=False)  # noqa: SIM115
