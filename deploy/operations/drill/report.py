"""A verdict as lines for a person."""

from collections.abc import Iterator

from deploy.operations.drill.verdict import Verdict


def lines(name: str, verdict: Verdict) -> Iterator[str]:
    """Give the outcome first, then what it rests on, then what was broken."""
    yield f"{name}: {verdict.outcome}"
    yield (
        f"  {verdict.clients} clients, {verdict.acknowledged} of {verdict.asked} messages acknowledged, "
        f"{verdict.acknowledged_in_window} of them under the fault; {verdict.delivered} delivered"
    )
    yield (
        f"  {verdict.reconnects} reconnects, {verdict.resumed} resumed; closed {verdict.closed or 'none'}, "
        f"handshakes that failed {verdict.rejected or 'none'}"
    )
    if verdict.fault_seconds is not None:
        recovered = "never" if verdict.recover_seconds is None else f"{verdict.recover_seconds:.2f} s after it"
        yield (
            f"  fault {verdict.fault_seconds:.1f} s, recovered {recovered}; "
            f"nobody read nothing for longer than {verdict.stall_seconds or 0:.2f} s"
        )
    if verdict.ack_p50_ms is not None:
        yield f"  acknowledged after {verdict.ack_p50_ms:.0f} ms (p50), {verdict.ack_p99_ms:.0f} ms (p99)"
    for reason in verdict.unknown:
        yield f"  unknown: {reason}"
    for broken, count in sorted(verdict.counts.items()):
        yield f"  {broken}: {count}"
    for example in verdict.examples:
        yield f"    {example.name} at seq {example.seq} of {example.client}: {example.detail}"
