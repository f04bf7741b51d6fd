"""What the sandbox of an installed stack refuses is one line that names the key, and no traceback.

Whoever logs it (Django a request, uvicorn a consumer, Celery a task) makes a record, whatever shape its line has; what
ends a process comes to the interpreter's own hook.
"""

import errno
import logging
import socket
import sys
from collections.abc import Iterator
from types import TracebackType
from typing import Any

from parley_serving.environment import Environment

NETWORK = {errno.ENETUNREACH, errno.EHOSTUNREACH}  # of a connection, where no network has a way out
NAMES = {socket.EAI_AGAIN, socket.EAI_NONAME}


def install(env: Environment) -> None:
    """Shorten them from now on, in this process and those that are forked."""
    make, hook = logging.getLogRecordFactory(), sys.excepthook

    def record(*given: Any, **named: Any) -> logging.LogRecord:
        made = make(*given, **named)
        if made.exc_info and made.exc_info[1] and (why := refused(made.exc_info[1], env)):
            made.msg, made.args = f"{made.getMessage().rstrip()}: {why}", ()
            made.exc_info = made.exc_text = None
        return made

    def ended(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        if why := refused(error, env):
            sys.stderr.write(f"{why}\n")
        else:
            hook(kind, error, trace)

    logging.setLogRecordFactory(record)
    sys.excepthook = ended


def refused(error: BaseException, env: Environment) -> str:
    """Say which key an error is about; empty: the sandbox has nothing to do with it."""
    for one in _chain(error):
        if isinstance(one, OSError):
            if one.errno == errno.EROFS:
                what = one.filename or "a folder"
                return f"{what} is read-only: name its folder in project.sandbox.write of parley.toml"
            if not env.internet and _is_of_the_network(one):
                return f"{one.strerror}: project.sandbox.internet of parley.toml is false, so no other host is reached"
    return ""


def _is_of_the_network(error: OSError) -> bool:
    if isinstance(error, socket.gaierror):
        return error.errno in NAMES
    return error.errno in NETWORK and error.filename is None


def _chain(error: BaseException) -> Iterator[BaseException]:
    """Give it and what it came from: a library raises an error of its own for it."""
    seen: set[int] = set()
    found: BaseException | None = error
    while found is not None and id(found) not in seen:
        seen.add(id(found))
        yield found
        found = found.__cause__ or found.__context__
