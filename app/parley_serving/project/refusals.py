"""What the sandbox of an installed stack refuses is one line that names the key, and no traceback.

Whoever logs it (Django a request, uvicorn a consumer, Celery a task) makes a record, whatever shape its line has; what
ends a process or a thread comes to the interpreter's own hook.
"""

import errno
import logging
import socket
import sys
import threading
from collections.abc import Iterator
from types import TracebackType
from typing import Any

from parley_serving.environment import Environment

NAMES = {socket.EAI_AGAIN, socket.EAI_NONAME}
FIELD = "refused"  # of a record: no path that a visitor asks for gets there, and the doctor looks at it


def install(env: Environment) -> None:
    """Shorten them from now on, in this process and those that are forked; without a sandbox nothing is refused."""
    if env.internet is None:
        return
    make, hook, of_threads = logging.getLogRecordFactory(), sys.excepthook, threading.excepthook

    def record(*given: Any, **named: Any) -> logging.LogRecord:
        made = make(*given, **named)
        if made.exc_info and made.exc_info[1] and (why := refused(made.exc_info[1], env)):
            try:
                said = made.getMessage().rstrip()
            except Exception:  # noqa: BLE001 (its handler says what is wrong with it, and the caller goes on)
                return made
            made.msg, made.args = f"{said}: {why}", ()
            made.exc_info = made.exc_text = None
            setattr(made, FIELD, why)
        return made

    def ended(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        if why := refused(error, env):
            sys.stderr.write(f"{why}\n")
        else:
            hook(kind, error, trace)

    def ended_in_a_thread(given: threading.ExceptHookArgs) -> None:
        if given.exc_value and (why := refused(given.exc_value, env)):
            sys.stderr.write(f"{why}\n")
        else:
            of_threads(given)

    logging.setLogRecordFactory(record)
    sys.excepthook, threading.excepthook = ended, ended_in_a_thread


def refused(error: BaseException, env: Environment) -> str:
    """Say which key an error is about; empty: the sandbox has nothing to do with it, or nobody can tell."""
    for one in _chain(error):
        if isinstance(one, OSError):
            if one.errno == errno.EROFS:
                what = one.filename or "a folder"
                return f"{what} is read-only: name its folder in project.sandbox.write of parley.toml"
            if not env.internet and _is_of_another_host(one):
                return f"{one.strerror}: project.sandbox.internet of parley.toml is false, so no other host is reached"
    return ""


def _is_of_another_host(error: OSError) -> bool:
    """Tell whether it is about a host that is none of the stack's: their names have no dot, and have a way to them."""
    if isinstance(error, socket.gaierror):
        return error.errno in NAMES and "." in _asked(error)
    return error.errno == errno.ENETUNREACH and error.filename is None


def _asked(error: socket.gaierror) -> str:
    """Return the name that was looked up: the error does not have it, and Python's own function does."""
    trace, host = error.__traceback__, ""
    while trace is not None:
        if trace.tb_frame.f_code is socket.getaddrinfo.__code__:
            host = str(trace.tb_frame.f_locals.get("host", ""))
        trace = trace.tb_next
    return host


def _chain(error: BaseException) -> Iterator[BaseException]:
    """Give it and what it was raised for: a library wraps it in an error of its own.

    What was merely being handled when it was raised is another matter: the traceback shows both.
    """
    seen: set[int] = set()
    found: BaseException | None = error
    while found is not None and id(found) not in seen:
        seen.add(id(found))
        yield found
        inner = found.__context__
        is_wrapped = inner is not None and any(one is inner for one in found.args)  # as requests and urllib do it
        found = found.__cause__ or (inner if is_wrapped else None)
