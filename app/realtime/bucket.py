"""A token bucket: so many at once, so many a second; for one socket, or for all of somebody's together."""

import time
from weakref import WeakValueDictionary


class Bucket:
    """Takes one token a call; time is monotonic seconds."""

    __slots__ = ("__weakref__", "burst", "filled_at", "rate", "tokens")

    def __init__(self, *, rate: float, burst: float) -> None:
        self.rate = rate
        self.burst = burst
        self.tokens = float(burst)
        self.filled_at = time.monotonic()

    def take(self) -> float:
        """Take a token and return 0, or return the seconds until there is one."""
        now = time.monotonic()
        self.tokens = min(self.burst, self.tokens + (now - self.filled_at) * self.rate)
        self.filled_at = now
        if self.tokens < 1:
            return (1 - self.tokens) / self.rate
        self.tokens -= 1
        return 0.0


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
