"""Waiting for what other processes do."""

import time
from collections.abc import Callable

PATIENCE = 180.0  # an image is built in this time, beside other tests
POLL = 0.05


def until(so: Callable[[], object], what: str) -> None:
    """Wait until it is so."""
    deadline = time.monotonic() + PATIENCE
    while not so():
        assert time.monotonic() < deadline, f"never: {what}"
        time.sleep(POLL)
