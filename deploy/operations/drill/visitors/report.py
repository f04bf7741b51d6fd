"""A verdict as lines for a person."""

from collections.abc import Iterator

from deploy.operations.drill.visitors.verdict import Verdict


def lines(name: str, verdict: Verdict) -> Iterator[str]:
    """Give the outcome first, then what it rests on, then what was broken."""
    yield f"{name}: {verdict.outcome}"
    under = f"{verdict.loads_in_window} of them under the fault"
    yield f"  {verdict.loads} page loads, {under}; answered {verdict.statuses or 'none'}"
    if verdict.load_p50_ms is not None:
        yield f"  answered after {verdict.load_p50_ms:.0f} ms (p50), {verdict.load_p99_ms:.0f} ms (p99)"
    yield (
        f"  {verdict.sockets} idle sockets, {verdict.reconnects} reconnects; closed {verdict.closed or 'none'}, "
        f"handshakes that failed {verdict.refused or 'none'}"
    )
    yield f"  fault {verdict.fault_seconds:.1f} s, all sockets open {verdict.back_seconds:.2f} s after it"
    yield from (f"  {line}" for line in verdict.left_out)
    yield from (f"  unknown: {reason}" for reason in verdict.unknown)
    for broken, count in sorted(verdict.counts.items()):
        yield f"  {broken}: {count}"
    for example in verdict.examples:
        yield f"    {example.name} of {example.client}: {example.detail}"
