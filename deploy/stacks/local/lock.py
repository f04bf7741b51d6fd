"""One `up` per folder; and the next waits until nothing of a killed one runs any more."""

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from deploy.errors import BadInputError
from deploy.stacks.local.layout import Layout

GLANCE_SECONDS = 0.01  # somebody who only looks holds the lock for some microseconds


def _try_lock(path: Path, kind: int = fcntl.LOCK_EX) -> int | None:
    """Return the descriptor of a lock that is now ours, or None where somebody has it."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    return descriptor


def is_running(layout: Layout) -> bool:
    """Tell whether an `up` holds this folder."""
    if not layout.lock.exists():
        return False
    return not _is_shared(layout.lock)


def _is_shared(path: Path) -> bool:
    """Tell whether nobody holds the lock but, for a moment, who asks the same."""
    descriptor = _try_lock(path, fcntl.LOCK_SH)
    if descriptor is not None:
        os.close(descriptor)
    return descriptor is not None


def wait_until_free(layout: Layout, *, patience: float) -> None:
    """Raise BadInputError where an `up` holds the folder; makes nothing, so that a refusal leaves nothing."""
    if layout.lock.exists():
        with held(layout, patience=patience):
            pass


@contextmanager
def held(layout: Layout, *, patience: float) -> Iterator[int]:
    """Hold the folder; yields the descriptor that every child inherits.

    A child that outlives a killed `up` still holds it: wait up to patience seconds for those to end.
    """
    while (mine := _try_lock(layout.lock)) is None:
        if not _is_shared(layout.lock):
            raise BadInputError(f"{layout.dir} is in use: another `./parley up` runs there")
        time.sleep(GLANCE_SECONDS)
    deadline = time.monotonic() + patience
    while (children := _try_lock(layout.children_lock)) is None:
        if time.monotonic() > deadline:
            os.close(mine)
            raise BadInputError(f"{layout.dir} is in use: processes of an earlier run have not ended")
        time.sleep(0.1)
    try:
        yield children
    finally:
        os.close(children)
        os.close(mine)
