"""One rollout, rollback or restore of a stack at a time; who is refused reads who is at it, when, and why."""

import datetime as dt
import fcntl
import getpass
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from deploy.effects import files
from deploy.errors import BadInputError

NAME = "rollout.lock"


def operator() -> str:
    """Name the person at the keyboard, also behind sudo; a number where the machine knows no name."""
    try:
        return os.environ.get("SUDO_USER") or getpass.getuser()
    except (KeyError, OSError):
        return f"user {os.getuid()}"


@contextmanager
def held(folder: Path, what: str, why: str = "") -> Iterator[None]:
    """Hold the lock of a stack's folder; raises BadInputError with the holder's own line.

    The kernel lets go of it when its process ends, however that happens: a lock of a dead process holds nobody up.
    """
    files.make_folder(folder)
    descriptor = os.open(folder / NAME, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            line = os.pread(descriptor, 4096, 0).decode(errors="replace").strip()
            raise BadInputError(f"another change is in progress: {line or 'started just now'}") from None
        now = dt.datetime.now(dt.UTC)
        line = f"{operator()} since {now:%Y-%m-%d %H:%M:%S} UTC, {what}, pid {os.getpid()}" + (
            f": {why}" if why else ""
        )
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, line.encode(), 0)
        yield
        os.ftruncate(descriptor, 0)
    finally:
        os.close(descriptor)
