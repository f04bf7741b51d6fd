"""How many sockets ended when, and with which code: a histogram, and whether it is spread."""

import asyncio
import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace

from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed

from deploy.operations.drill.visitors.run import watched

BUCKET = 0.25
TIMES = 3  # so many times its even share is the most that one bucket may have


@dataclass(frozen=True)
class End:
    """One socket's: when by the monotonic clock, and the close code; 1006 where none came."""

    at: float
    code: int
    stall: float = 0.0  # the longest time that this process did not get a turn in, in seconds: a busy machine


async def end_of(connection: ClientConnection) -> End:
    """Read to the end."""
    try:
        while True:
            await connection.recv()
    except ConnectionClosed as closed:
        return End(time.monotonic(), closed.rcvd.code if closed.rcvd else 1006)


async def ends_of(connections: Iterable[ClientConnection], timeout: float = 60) -> list[End]:
    """Read all of them to their ends."""
    stalls = [0.0]
    async with watched(stalls), asyncio.timeout(timeout):
        ends = await asyncio.gather(*(end_of(one) for one in connections))
    return sorted((replace(end, stall=max(stalls)) for end in ends), key=lambda end: end.at)


def histogram(ends: list[End]) -> list[int]:
    """Count them by buckets, from the first on."""
    counts = Counter(int((end.at - ends[0].at) / BUCKET) for end in ends)
    return [counts[number] for number in range(max(counts) + 1)]


def codes(ends: Iterable[End]) -> dict[int, int]:
    """Count them by close code."""
    return dict(Counter(end.code for end in ends))


def most(ends: list[End]) -> int:
    """Return how many ended within the worst bucket, wherever it is laid."""
    return max(sum(one.at <= other.at < one.at + BUCKET for other in ends) for one in ends)


def assert_spread(ends: list[End], window: float, code: int = 1012) -> None:
    """Each was closed with this code, and no 250 ms of the window has more than three times its even share.

    What a stalled machine shows late, all at once, counts as spread over its stall. A drain that is none, with all ends
    in one moment, is found unless the machine stood still for a third of the window.
    """
    print(f"{len(ends)} ends in {ends[-1].at - ends[0].at:.1f} s, {codes(ends)}, by 250 ms: {histogram(ends)}")  # noqa: T201 (the proof)
    assert codes(ends) == {code: len(ends)}
    even = len(ends) * (BUCKET + ends[0].stall) / window
    assert most(ends) <= TIMES * even, (most(ends), even, histogram(ends))
    assert ends[-1].at - ends[0].at > window / 2
