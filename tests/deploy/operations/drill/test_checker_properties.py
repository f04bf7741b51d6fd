"""Whatever a clean run looks like it passes, and whatever one thing is broken in it is found by its name."""

from itertools import pairwise
from typing import Any

import msgspec
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from deploy.operations.drill.checker import check
from deploy.operations.drill.journal import Entry, Joined, Journal, Log, Read, Sent
from tests.deploy.operations.drill.runs import Run

CLIENTS = 3
client = st.integers(0, CLIENTS - 1)
steps = st.lists(
    st.one_of(
        st.tuples(st.just("say"), client),
        st.tuples(st.just("read"), client),
        st.tuples(st.just("join"), client),
        st.tuples(st.just("close"), client),
    ),
    min_size=20,
    max_size=150,
)
quick = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.filter_too_much])


def play(moves: list[tuple[str, int]]) -> tuple[Run, Log]:
    run = Run(CLIENTS)
    for number in range(CLIENTS):
        run.join(number)
        run.say(number)
    for verb, number in moves:
        if verb == "read":
            run.read(number, most=3)
        else:
            getattr(run, verb)(number)
    for number in range(CLIENTS):
        run.join(number)
        run.say(number)
        run.say(number)
    return run, run.end()


@quick
@given(steps)
def test_a_clean_run_passes(moves: list[tuple[str, int]]) -> None:
    """Any interleaving of sends, reads, closes and resumes that keeps the promises passes."""
    run, log = play(moves)
    verdict = check(run.journals, log, least=1)
    assert verdict.outcome == "passed", verdict


def reads_of(journal: Journal) -> list[int]:
    return [index for index, event in enumerate(journal.events) if isinstance(event, Read)]


def swap(journal: Journal, first: int, second: int) -> None:
    one: Any = journal.events[first]
    two: Any = journal.events[second]
    journal.events[first] = msgspec.structs.replace(one, entries=two.entries)
    journal.events[second] = msgspec.structs.replace(two, entries=one.entries)


@quick
@given(steps, client, st.data())
def test_a_skipped_entry_is_found(moves: list[tuple[str, int]], who: int, data: st.DataObject) -> None:
    """One live entry taken away is a gap, or missed where it was the last."""
    run, log = play(moves)
    journal = run.journals[who]
    reads = reads_of(journal)
    assume(reads)
    index = data.draw(st.sampled_from(reads))
    event = journal.events.pop(index)
    assert isinstance(event, Read)
    expected = "missed" if event.entries[0].seq == log.head else "gap"
    later = next((e for e in journal.events[index:] if isinstance(e, Joined)), None)
    if later and later.after == event.entries[0].seq:
        expected = "bad_recovery"  # the server believed the client to have it, and the client had not
    verdict = check(run.journals, log, least=1)
    assert expected in verdict.counts, verdict


@quick
@given(steps, client, st.data())
def test_a_doubled_entry_is_found(moves: list[tuple[str, int]], who: int, data: st.DataObject) -> None:
    """One frame brought twice, at once or later, is a repeat."""
    run, log = play(moves)
    journal = run.journals[who]
    reads = reads_of(journal)
    assume(reads)
    index = data.draw(st.sampled_from(reads))
    again = data.draw(st.integers(index + 1, len(journal.events) - 1))
    event = msgspec.structs.replace(journal.events[index], mono=journal.events[again - 1].mono)
    journal.events.insert(again, event)
    assert check(run.journals, log, least=1).counts == {"repeat": 1}


@quick
@given(steps, client, st.data())
def test_two_entries_the_wrong_way_round_are_found(moves: list[tuple[str, int]], who: int, data: st.DataObject) -> None:
    """Neighbours swapped are disorder."""
    run, log = play(moves)
    journal = run.journals[who]
    reads = reads_of(journal)
    pairs = [(a, b) for a, b in pairwise(reads) if b == a + 1]
    assume(pairs)
    swap(journal, *data.draw(st.sampled_from(pairs)))
    assert set(check(run.journals, log, least=1).counts) == {"disorder"}


@quick
@given(steps, client, st.data())
def test_a_changed_reading_is_found(moves: list[tuple[str, int]], who: int, data: st.DataObject) -> None:
    """One field of one reading changed is two entries under one seq."""
    run, log = play(moves)
    journal = run.journals[who]
    reads = reads_of(journal)
    assume(reads)
    index = data.draw(st.sampled_from(reads))
    event: Any = journal.events[index]
    field = data.draw(st.sampled_from(["kind", "key", "at"]))
    changed = msgspec.structs.replace(event.entries[0], **{field: "changed"})
    journal.events[index] = msgspec.structs.replace(event, entries=(changed,))
    assert check(run.journals, log, least=1).counts == {"two_entries_one_seq": 1}


@quick
@given(steps, client, st.data())
def test_a_lost_or_doubled_message_is_found(moves: list[tuple[str, int]], who: int, data: st.DataObject) -> None:
    """An acknowledged message under another key in everybody's eyes is lost; its key again is stored twice."""
    run, log = play(moves)
    sent = data.draw(st.sampled_from(list(run.journals[who].all(Sent))))
    entry = log.entries[sent.seq - 1]
    lost = [msgspec.structs.replace(e, key="replaced") if e.seq == sent.seq else e for e in log.entries]
    assert "lost" in check(run.journals, msgspec.structs.replace(log, entries=tuple(lost)), least=1).counts
    twice = (*log.entries, Entry(log.head + 1, "text", entry.key, entry.author, "later"))
    verdict = check(run.journals, msgspec.structs.replace(log, entries=twice), least=1)
    assert verdict.counts == {"stored_twice": 1}
