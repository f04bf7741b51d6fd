"""A token bucket: so many at once, so many a second; for one socket, or for all of somebody's together."""

import time
from weakref import WeakValueDictionary


class Bucket:
    """Takes tokens, as a rule one; time is monotonic seconds."""

    __slots__ = ("__weakref__", "burst", "filled_at", "rate", "tokens")

    def __init__(self, *, rate: float, burst: float) -> None:
        self.rate = rate
        self.burst = burst
        self.tokens = float(burst)
        self.filled_at = time.monotonic()

    def take(self, number: float = 1) -> float:
        """Take so many tokens and return 0, or take none and return the seconds until there are as many."""
        self._fill()
        if self.tokens < number:
            return (number - self.tokens) / self.rate
        self.tokens -= number
        return 0.0

    def owe(self, number: float = 1) -> None:
        """Take so many that there may not be: they are missing later."""
        self._fill()
        self.tokens -= number

    def left(self) -> float:
        """Return how many there are now."""
        self._fill()
        return self.tokens

    def is_empty(self) -> bool:
        """Say whether there is no whole token."""
        return self.left() < 1

    def _fill(self) -> None:
        now = time.monotonic()
        self.tokens = min(self.burst, self.tokens + (now - self.filled_at) * self.rate)
        self.filled_at = now


class Buckets:
    """One bucket for each person, kept for as long as a socket of theirs holds it."""

    def __init__(self, *, rate: float, burst: float) -> None:
        self._rate = rate
        self._burst = burst
        self._buckets: WeakValueDictionary[int, Bucket] = WeakValueDictionary()

    def __len__(self) -> int:
        return len(self._buckets)

    def of(self, person: int) -> Bucket:
        """Return the bucket that all sockets of this person share; a full one for the first of them."""
        bucket = self._buckets.get(person)
        if bucket is None:
            bucket = self._buckets[person] = Bucket(rate=self._rate, burst=self._burst)
        return bucket
