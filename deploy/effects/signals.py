"""Signals that would end this process while something is put back."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress

ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@contextmanager
def unhurried() -> Iterator[None]:
    """Hear no signal that would end this process: what is being put back is put back whole."""
    before = {}
    with suppress(ValueError):  # not the main thread, which alone hears them
        before = {number: signal.signal(number, signal.SIG_IGN) for number in ENDING}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
