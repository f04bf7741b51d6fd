"""Sessions whose sockets are closed for flooding again and again: their next handshakes are refused for a while.

Before it is closed, a flood costs the server a handshake and the first thousand frames, so a client that connects again
at once is a flood of another kind. nginx limits handshakes by address; other people may have the same one. Here each
session is counted by itself.
"""

from hashlib import blake2b

from django.conf import settings
from django.http.cookie import parse_cookie

from parley_serving import limits
from parley_serving.bucket import Bucket

Sessions = frozenset[bytes]


class Floods:
    """How many floods each session may still begin. Without a session, there are only nginx's limits."""

    def __init__(self) -> None:
        self._buckets: dict[bytes, Bucket] = {}  # by session; the one that flooded last is the last

    def __len__(self) -> int:
        return len(self._buckets)

    def count(self, sessions: Sessions) -> None:
        """Count one more. Of too many sessions, the one whose last flood is oldest is forgotten."""
        for session in sessions:
            bucket = self._buckets.pop(session, None) or Bucket(
                rate=1 / limits.FLOOD_AGAIN_SECONDS, burst=limits.FLOODS_AT_ONCE
            )
            bucket.owe()  # sockets that were open already may flood, too
            self._buckets[session] = bucket
            if len(self._buckets) > limits.FLOODS_KNOWN:
                del self._buckets[next(iter(self._buckets))]

    def holds(self, sessions: Sessions) -> bool:
        """Say whether one of these has to wait before it connects again."""
        return any((bucket := self._buckets.get(session)) and bucket.is_empty() for session in sessions)


def sessions_of(cookies: list[str]) -> Sessions:
    """Return a digest of each session's key in Cookie headers that may count.

    Of several cookies of one name the chat takes the first (cookies.py), and Django the last. They are read as Django
    reads them, so that no other way to write one makes another session of it.
    """
    name = settings.SESSION_COOKIE_NAME if settings.configured else "sessionid"
    found = [key for pair in ";".join(cookies).split(";") if (key := parse_cookie(pair).get(name))]
    return frozenset(_digest(key) for key in found[:1] + found[-1:])


def _digest(key: str) -> bytes:
    return blake2b(key.encode(errors="surrogateescape"), digest_size=16).digest()
