"""Whether the ends of sockets are spread over a drain's window, or one herd."""

from bisect import bisect_left
from collections.abc import Sequence

BUCKET = 0.25
TIMES = (
    3  # so many times its even share is the most that one bucket may have: wherever it is laid, it meets two batches
)
ROUNDED = 2  # and each batch of each instance may be one more


def bunched(ends: Sequence[float], window: float, instances: int, stall: float) -> str:
    """Say how many ended in one moment if they are too many for a drain of this window; empty if they are spread.

    What a machine that stood still for `stall` seconds shows late, all at once, counts as spread over that time.
    """
    if not ends or not window:
        return ""
    ends = sorted(ends)
    together, worst = most(ends, window), most(ends, BUCKET)
    share = together * (BUCKET + stall) / window
    limit = TIMES * share + ROUNDED * instances
    if worst <= limit:
        return ""
    return f"{worst} of {together} sockets ended within {BUCKET * 1000:g} ms; a drain of {window:g} s ends {share:.0f}"


def most(ends: Sequence[float], seconds: float) -> int:
    """Return how many lie in the fullest stretch of this length."""
    return max(bisect_left(ends, first + seconds) - number for number, first in enumerate(ends))
