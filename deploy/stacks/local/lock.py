"""One `up` per folder; and the next waits until nothing of a killed one runs any more."""

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from deploy.errors import BadInputError
from deploy.stacks.local.layout import Layout


def _try_lock(path: Path) -> int | None:
    """Return the descriptor of a lock that is now ours, or None where somebody has it."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    return descriptor


def is_running(layout: Layout) -> bool:
    """Tell whether an `up` holds this folder."""
    if not layout.lock.exists():
        return False
    descriptor = _try_lock(layout.lock)
    if descriptor is None:
        return True
    os.close(descriptor)
    return False


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
    mine = _try_lock(layout.lock)
    if mine is None:
        raise BadInputError(f"{layout.dir} is in use: another `./parley up` runs there")
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
