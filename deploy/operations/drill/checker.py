"""Judges a run by the journals of its clients and the log read at the end; touches nothing else."""

from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import pairwise

from deploy.operations.drill.graceful import cut_violations
from deploy.operations.drill.journal import Asked, Closed, Ended, Joined, Journal, Log, Read, Rejected, Sent
from deploy.operations.drill.log_comparison import log_violations, reading_violations, sent_violations
from deploy.operations.drill.measurements import acknowledged, latency_ms, longest_stall, recover_seconds, within
from deploy.operations.drill.stream import stream_violations
from deploy.operations.drill.verdict import Verdict, Violation, Window, counted

LEAST_ACKNOWLEDGED = 500
LEAST_IN_WINDOW = 1


def check(
    journals: Sequence[Journal],
    log: Log,
    window: Window | None = None,
    *,
    least: int = LEAST_ACKNOWLEDGED,
    least_in_window: int = LEAST_IN_WINDOW,
    graceful: bool = False,
    moves: bool = False,
) -> Verdict:
    """Give the verdict on a run in the log's room.

    `failed` when a promise of protocol.md was broken, whatever else; `unknown` when too little was acknowledged, in
    all or under the fault (`window`), or the run did not come to rest; else `passed`.
    A `graceful` fault may cut nobody; one that `moves` everybody counts only if everybody came back from it.
    """
    violations = list(find_violations(journals, log))
    if window and graceful:
        violations += [violation for journal in journals for violation in cut_violations(journal, window)]
    pairs = [pair for journal in journals for pair in acknowledged(journal)]
    recover = recover_seconds(journals, window) if window else None
    unknown = tuple(_unproven(journals, len(pairs), least))
    if window:
        unknown += tuple(_unproven_fault(within(pairs, window), recover, least_in_window))
        unknown += tuple(_unmoved(journals, window)) if moves else ()
    counts, examples = counted(violations)
    p50, p99 = latency_ms(pairs)
    joins = [list(journal.all(Joined)) for journal in journals]
    later = [join for one in joins for join in one[1:]]
    return Verdict(
        outcome="failed" if violations else "unknown" if unknown else "passed",
        counts=counts,
        examples=examples,
        unknown=unknown,
        clients=len(journals),
        asked=sum(len({event.key for event in journal.all(Asked)}) for journal in journals),
        acknowledged=len(pairs),
        acknowledged_in_window=within(pairs, window) if window else 0,
        delivered=sum(len(event.entries) for journal in journals for event in journal.all(Read)),
        reconnects=len(later),
        resumed=sum(join.recovered for join in later),
        started_over=sum(not join.recovered for join in later),
        rejected=dict(Counter(event.why for journal in journals for event in journal.all(Rejected))),
        closed=dict(Counter(event.code for journal in journals for event in journal.all(Closed))),
        fault_seconds=round(window.end - window.start, 3) if window else None,
        recover_seconds=recover,
        stall_seconds=longest_stall(journals, window) if window else None,
        ack_p50_ms=p50,
        ack_p99_ms=p99,
    )


def find_violations(journals: Sequence[Journal], log: Log) -> Iterator[Violation]:
    """Give every broken promise: of the log alone, of each client alone, and of all readings together."""
    yield from log_violations(log)
    for journal in journals:
        yield from stream_violations(journal, log)
        yield from sent_violations(journal, log)
    yield from reading_violations(journals, log)


def _unproven(journals: Sequence[Journal], answered: int, least: int) -> Iterator[str]:
    if answered < least:
        yield f"{answered} messages were acknowledged, {least} are needed"
    for journal in journals:
        if not any(event.joined for event in journal.all(Ended)):
            yield f"{journal.client} was not in the room at the end"
        asked = {event.key for event in journal.all(Asked)}
        if open_ := asked - {event.key for event in journal.all(Sent)}:
            yield f"{journal.client} has {len(open_)} messages without an answer"
        if any(later.mono < earlier.mono for earlier, later in pairwise(journal.events)):
            yield f"the journal of {journal.client} goes back in time"


def _unproven_fault(answered: int, recover: float | None, least: int) -> Iterator[str]:
    if answered < least:
        yield f"{answered} messages were acknowledged under the fault, {least} are needed"
    if recover is None:
        yield "not every client could send and read again after the fault"


def _unmoved(journals: Sequence[Journal], window: Window) -> Iterator[str]:
    for journal in journals:
        if not any(join.mono >= window.start for join in journal.all(Joined)):
            yield f"{journal.client} was never moved to another instance"
