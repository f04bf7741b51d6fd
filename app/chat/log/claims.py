"""Claims that a room's log lost entries: each closes the sockets of everybody in the room, and is taken once."""

import asyncio
import logging
from collections.abc import Awaitable, Callable

from chat.limits import CLAIM_SECONDS, CLAIMS, CLAIMS_PER_PERSON
from chat.log.read import Ahead
from chat.log.turns import TooMany
from parley_serving import metrics
from parley_serving.bucket import Bucket

log = logging.getLogger(__name__)


class TooManyClaims(TooMany):
    """Clients showed too often that this room's log lost entries; `seconds` until the next such claim is taken."""

    detail = "this room's log was said to be behind too often"


class Claims:
    """Gives rooms a new epoch with `renew(room, epoch, below)`, for who shows a mark of what the log does not have."""

    def __init__(self, renew: Callable[[int, str, int], Awaitable[None]]) -> None:
        self._renew = renew
        self._rooms: dict[int, Bucket] = {}  # at most as many as there are rooms
        self._people: dict[tuple[int, int], Bucket] = {}  # by room and person: who has a mark, after a restore
        self._renewals: dict[int, tuple[str, asyncio.Task[None]]] = {}  # room → the epoch that ended last, and its end

    async def take(self, claim: Ahead, *, person: int, epoch: str) -> None:
        """End this epoch of the room, or wait until it has ended; raise TooManyClaims or Unavailable."""
        ended, renewal = self._renewals.get(claim.room, ("", None))
        # Hundreds come back at once after a restore, and all of them claim the same: the first pays.
        if renewal is None or ended != epoch or (renewal.done() and renewal.exception() is not None):
            self._pay(claim, person)
            renewal = asyncio.get_running_loop().create_task(self._end(claim, person, epoch))
            renewal.add_done_callback(lambda done: done.exception())  # whoever waited may have gone
            self._renewals[claim.room] = epoch, renewal
        await asyncio.shield(renewal)

    def _pay(self, claim: Ahead, person: int) -> None:
        rate = 1 / CLAIM_SECONDS
        own = self._people.setdefault((claim.room, person), Bucket(rate=rate, burst=CLAIMS_PER_PERSON))
        of_all = self._rooms.setdefault(claim.room, Bucket(rate=rate, burst=CLAIMS))
        if wait := own.take() or of_all.take():
            log.warning("room %s: person %s claims too often that its log lost entries", claim.room, person)
            raise TooManyClaims(wait)

    async def _end(self, claim: Ahead, person: int, epoch: str) -> None:
        log.warning(
            "room %s: person %s shows that its log lost entries, up to %s: all start again",
            claim.room,
            person,
            claim.seq,
        )
        metrics.count("claims", 1)
        await self._renew(claim.room, epoch, claim.seq)
