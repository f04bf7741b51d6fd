"""What a run measured, out of the journals: acknowledgements, their latency, and the time to recover."""

from collections.abc import Iterator, Sequence
from itertools import pairwise
from statistics import quantiles

from deploy.operations.drill.journal import Asked, Entry, Joined, Journal, Read, Sent
from deploy.operations.drill.verdict import Window

SHORTEST_WINDOW = 2.0


def acknowledged(journal: Journal) -> Iterator[tuple[Asked, Sent]]:
    """Give each message of a client that was acknowledged, with its first acknowledgement."""
    asked = {(event.room, event.key): event for event in journal.all(Asked)}
    for sent in journal.all(Sent):
        if ask := asked.pop((sent.room, sent.key), None):
            yield ask, sent


def within(pairs: Sequence[tuple[Asked, Sent]], window: Window) -> int:
    """Count the acknowledged messages that lived in the window: asked before its end, answered after its start.

    A locked database acknowledges nothing while it is locked; the messages that count are those it delayed. The
    window of a fault that is over at once (FLUSHALL) is the two seconds that show what it did.
    """
    end = max(window.end, window.start + SHORTEST_WINDOW)
    return sum(ask.mono <= end and sent.mono >= window.start for ask, sent in pairs)


def latency_ms(pairs: Sequence[tuple[Asked, Sent]]) -> tuple[float | None, float | None]:
    """Give p50 and p99 of the time from asking to the acknowledgement, reconnects and retries included."""
    if len(pairs) < 2:  # quantiles wants two
        return None, None
    cuts = quantiles(((sent.mono - ask.mono) * 1000 for ask, sent in pairs), n=100)
    return round(cuts[49], 1), round(cuts[98], 1)


def recover_seconds(journals: Sequence[Journal], window: Window) -> float | None:
    """Give the seconds from the fault's end until the chat worked again for everybody, both ways.

    That is the first moment at which every client has read an entry that somebody asked for after the end of the
    fault, and has had a message of its own, asked for after the end, acknowledged. None if that never came.
    """
    later = {(journal.author, ask.key) for journal in journals for ask in journal.all(Asked) if ask.mono >= window.end}
    moments = []
    for journal in journals:
        read = next((mono for mono, entry in _read(journal) if (entry.author, entry.key) in later), None)
        sent = next((event.mono for event in journal.all(Sent) if (journal.author, event.key) in later), None)
        if read is None or sent is None:
            return None
        moments += [read, sent]
    return round(max(moments) - window.end, 3) if moments else None


def longest_stall(journals: Sequence[Journal], window: Window) -> float | None:
    """Give the longest time that any client read nothing new, from the fault's start until the last message.

    This is what a person notices. Clients that stopped on purpose count too.
    """
    last = max((ask.mono for journal in journals for ask in journal.all(Asked)), default=window.start)
    stalls = []
    for journal in journals:
        moments = [window.start, *(mono for mono, _ in _read(journal) if window.start < mono < last), last]
        stalls += [later - earlier for earlier, later in pairwise(moments)]
    return round(max(stalls), 3) if stalls and last > window.start else None


def _read(journal: Journal) -> Iterator[tuple[float, Entry]]:
    for event in journal.events:
        if isinstance(event, (Joined, Read)):
            for entry in event.entries:
                yield event.mono, entry
