"""Judges a run by what its visitors saw; touches nothing else."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from statistics import quantiles

from deploy.operations.drill.faults import Fault
from deploy.operations.drill.measurements import SHORTEST_WINDOW
from deploy.operations.drill.verdict import Violation, Window, counted
from deploy.operations.drill.visitors.events import NO_CLOSE_FRAME, Ended, Life, Load, Opened, Refused
from deploy.operations.drill.visitors.site import SERVER_ERROR, Site
from deploy.operations.drill.visitors.spread import bunched
from deploy.operations.drill.visitors.verdict import Verdict

LEAST_LOADS = 20  # a fifth of what the visitors of a run ask for
LEAST_IN_WINDOW = 1
RESTART = 1012
SEEN_SECONDS = 1.0  # after a kill: until this process, on a busy machine, has seen the end of a socket
CUTS = {1001, NO_CLOSE_FRAME}  # what a server that stops leaves behind, instead of 1012


@dataclass(frozen=True)
class Run:
    """What there is to judge."""

    site: Site
    fault: Fault
    window: Window
    loads: Sequence[Load]
    lives: Sequence[Life]
    instances: int
    back_within: float  # seconds, from an end or from the fault's
    stall: float = 0.0  # the longest time that the visitors' own process stood still
    least: int = LEAST_LOADS


def judge(run: Run) -> Verdict:
    """Give the verdict: `failed` when a promise was broken, `unknown` when too little was under the fault."""
    violations = [*of_pages(run), *of_handshakes(run), *cuts(run), *herds(run), *not_back(run)]
    unknown = tuple(unproven(run))
    counts, examples = counted(violations)
    p50, p99 = load_ms(run.loads)
    return Verdict(
        outcome="failed" if violations else "unknown" if unknown else "passed",
        counts=counts,
        examples=examples,
        unknown=unknown,
        left_out=run.site.left_out,
        loads=len(run.loads),
        loads_in_window=in_window(run),
        statuses=dict(Counter(load.status for load in run.loads if load.status is not None)),
        load_p50_ms=p50,
        load_p99_ms=p99,
        sockets=len(run.lives),
        reconnects=sum(max(0, len(times(life)) - 1) for life in run.lives),
        closed=dict(Counter(end.code for _, end in ends(run))),
        refused=dict(Counter(each.why for life in run.lives for each in life.events if isinstance(each, Refused))),
        fault_seconds=round(run.window.end - run.window.start, 3),
        back_seconds=round(max([0.0, *(back - run.window.end for back in returns(run))]), 3),
    )


def of_pages(run: Run) -> Iterator[Violation]:
    """Give each page that an error of the server answered, or nobody."""
    for load in run.loads:
        if load.status is None:
            yield Violation("unanswered", load.page, None, load.why)
        elif load.status >= SERVER_ERROR:
            yield Violation("server_error", load.page, None, f"answered {load.status}")


def of_handshakes(run: Run) -> Iterator[Violation]:
    """Give each handshake that an error of the server answered, unless it may ask for what the fault took away."""
    for life in run.lives:
        for event in life.events:
            is_excused = run.fault.layer and event.at >= run.window.start
            if isinstance(event, Refused) and (event.status or 0) >= SERVER_ERROR and not is_excused:
                yield Violation("server_error", life.name, None, f"a handshake was answered {event.status}")


def cuts(run: Run) -> Iterator[Violation]:
    """Give each end without a close frame, but those of a process that was killed; none that a stop left undone."""
    window = run.window
    for life, end in ends(run):
        is_under = window.start <= end.at <= window.end + SEEN_SECONDS
        is_cut = not (run.fault.kills and is_under) if end.code == NO_CLOSE_FRAME else run.fault.graceful and is_under
        if end.code in CUTS and is_cut:
            yield Violation("cut", life.name, None, f"closed with {end.code}")


def herds(run: Run) -> Iterator[Violation]:
    """Give the moment in which too many sockets were asked to come back."""
    if run.fault.graceful:
        moments = [end.at for _, end in ends(run) if end.code == RESTART and end.at >= run.window.start]
        if said := bunched(moments, run.site.drain_seconds, run.instances, run.stall):
            yield Violation("bunched", "all", None, said)


def not_back(run: Run) -> Iterator[Violation]:
    """Give each socket that did not come back in time, or not at all."""
    for life, end in ends(run):
        back = back_after(life, end)
        due = max(end.at, run.window.end) + run.back_within + run.stall
        if back is None:
            yield Violation("not_back", life.name, None, f"closed with {end.code} and not open again")
        elif back > due:
            after = f"open again {back - end.at:.1f} s later, {back - run.window.end:.1f} s after the fault"
            yield Violation("not_back", life.name, None, f"closed with {end.code}, {after}")


def unproven(run: Run) -> Iterator[str]:
    """Say why the run does not count."""
    if len(run.loads) < run.least:
        yield f"{len(run.loads)} pages were loaded, {run.least} are needed"
    if in_window(run) < LEAST_IN_WINDOW:
        yield f"no page was loaded under the fault, {LEAST_IN_WINDOW} is needed"
    if run.fault.moves:
        moved = {id(life) for life, end in ends(run) if end.at >= run.window.start}
        if stayed := sum(id(life) not in moved for life in run.lives):
            yield f"{stayed} of {len(run.lives)} sockets were never moved to another instance"


def ends(run: Run) -> Iterator[tuple[Life, Ended]]:
    """Give each end of a connection."""
    for life in run.lives:
        for event in life.events:
            if isinstance(event, Ended):
                yield life, event


def times(life: Life) -> list[float]:
    """Return when it was open."""
    return [event.at for event in life.events if isinstance(event, Opened)]


def back_after(life: Life, end: Ended) -> float | None:
    """Return when it was open again after an end."""
    return next((at for at in times(life) if at >= end.at), None)


def returns(run: Run) -> Iterator[float]:
    """Give when each was open again."""
    for life, end in ends(run):
        if (back := back_after(life, end)) is not None:
            yield back


def in_window(run: Run) -> int:
    """Count the loads under the fault; one that is over at once has two seconds in which it shows what it did."""
    end = max(run.window.end, run.window.start + SHORTEST_WINDOW)
    return sum(load.start <= end and load.end >= run.window.start for load in run.loads)


def load_ms(loads: Sequence[Load]) -> tuple[float | None, float | None]:
    """Give p50 and p99 of what was answered."""
    seconds = [load.end - load.start for load in loads if load.status is not None]
    if len(seconds) < 2:  # quantiles wants two
        return None, None
    cuts = quantiles([one * 1000 for one in seconds], n=100)
    return round(cuts[49], 1), round(cuts[98], 1)
