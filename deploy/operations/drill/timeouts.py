"""How long a client waits for what, and how it tries again: the numbers of the page, and full jitter."""

import random
from dataclasses import dataclass

RESTART = 1012
LATER = 1013
NO_SESSION = 4401
BANNED = 4403
FLOODING = 4429


@dataclass(frozen=True)
class Patience:
    """The waits of one client, in seconds."""

    handshake: float = 5.0  # protocol.md
    answer: float = 10.0  # an unanswered send is repeated on a live socket: the key makes it safe
    ping: float = 2.0  # a heartbeat this often finds what a socket lost
    silence: float = 8.0  # no frame at all for this long: the link is dead, whatever TCP believes
    first: float = 0.5  # the first reconnect, at most
    longest: float = 5.0  # any reconnect, at most
    later: float = 3.0  # what 1013 and 4429 ask for, at least

    def pause(self, tries: int, code: int | None, rng: random.Random) -> float:
        """Give the wait before the next try: full jitter, doubling with the tries that failed in a row."""
        jitter = rng.uniform(0, min(self.longest, self.first * 2 ** min(tries, 16)))
        return self.later + jitter if code in {LATER, FLOODING} else jitter

    def retry(self, retry_ms: int | None, rng: random.Random) -> float:
        """Give the wait that `retry_ms` asks for, with jitter on top of it."""
        return (500 if retry_ms is None else retry_ms) / 1000 * rng.uniform(1.0, 1.5)
