"""The checker finds a broken promise by its name, and calls a run that proves nothing unknown."""

import msgspec
import pytest

from deploy.operations.drill.checker import check
from deploy.operations.drill.journal import Asked, Ended, Entry, Joined, Journal, Log, Read, Sent
from deploy.operations.drill.verdict import Verdict, Window
from tests.deploy.operations.drill.runs import EPOCH, ROOM, Run, where


@pytest.fixture
def run() -> Run:
    """A run of 60 messages; client 1 lost its socket in the middle and resumed."""
    run = Run()
    run.chat(20)
    run.close(1)
    for _ in range(10):
        run.say(0)
    run.chat(30)
    return run


def judge(run: Run, log: Log | None = None) -> Verdict:
    return check(run.journals, log or run.end(), least=50)


def names(verdict: Verdict) -> set[str]:
    return set(verdict.counts)


def test_a_clean_run_with_a_resume_passes(run: Run) -> None:
    """Nothing broken, everything acknowledged and enough of it: the only way to pass."""
    verdict = judge(run)
    assert (verdict.outcome, verdict.counts, verdict.unknown) == ("passed", {}, ())
    assert (verdict.acknowledged, verdict.asked, verdict.resumed, verdict.closed) == (60, 60, 1, {1012: 1})
    assert verdict.exit_code == 0


def test_a_skipped_seq_is_a_gap(run: Run) -> None:
    """A seq that never came is a gap, at the client and seq where it was."""
    log = run.end()
    del run.journals[2].events[where(run.journals[2], 40)]
    verdict = judge(run, log)
    assert verdict.counts == {"gap": 1}
    assert (verdict.examples[0].client, verdict.examples[0].seq) == ("w-2", 40)
    assert verdict.outcome == "failed"
    assert verdict.exit_code == 1


def test_a_gap_before_a_resume_is_found(run: Run) -> None:
    """Resuming after the newest seq read does not paper over an older hole."""
    log = run.end()
    del run.journals[1].events[where(run.journals[1], 12)]
    assert judge(run, log).counts == {"gap": 1}


def test_a_seq_read_twice_is_a_repeat(run: Run) -> None:
    """The same entry in two frames is a repeat."""
    log = run.end()
    events = run.journals[0].events
    events.insert(where(run.journals[0], 30), events[where(run.journals[0], 30)])
    assert judge(run, log).counts == {"repeat": 1}


def test_a_seq_that_comes_late_is_disorder(run: Run) -> None:
    """Two entries the wrong way round are disorder alone, no gap and no repeat."""
    log = run.end()
    events, at = run.journals[0].events, where(run.journals[0], 12)
    first, second = events[at], events[where(run.journals[0], 13)]
    assert isinstance(first, Read)
    assert isinstance(second, Read)
    events[at] = msgspec.structs.replace(first, entries=second.entries)
    events[events.index(second)] = msgspec.structs.replace(second, entries=first.entries)
    assert judge(run, log).counts == {"disorder": 1}


def test_an_acknowledged_message_that_is_not_in_the_log_is_lost(run: Run) -> None:
    """An acknowledgement is for ever."""
    log = run.end()
    journal = run.journals[2]
    now = journal.events[-1].mono
    journal.events[-1:-1] = [
        Asked(mono=now, room=ROOM, key="ghost"),
        Sent(mono=now, room=ROOM, key="ghost", seq=7, at="at-7"),
    ]
    verdict = judge(run, log)
    assert verdict.counts == {"lost": 1}
    assert "ghost" in verdict.examples[0].detail


def test_an_entry_that_members_read_and_the_log_has_not_is_lost(run: Run) -> None:
    """A message shown to people and then gone is lost, acknowledged or not."""
    log = run.end()
    shorter = msgspec.structs.replace(log, head=log.head - 1, entries=log.entries[:-1])
    assert names(judge(run, shorter)) == {"lost"}


def test_a_key_under_two_seqs_is_stored_twice(run: Run) -> None:
    """A repeated send that made a second entry is found in the log alone."""
    first = run.entries[-1]
    run.entries.append(Entry(run.head + 1, "text", first.key, first.author, "at-later"))
    assert judge(run).counts == {"stored_twice": 1}


def test_a_repeat_acknowledged_under_another_seq_is_stored_twice(run: Run) -> None:
    """The same key again must give the same seq."""
    log = run.end()
    journal = run.journals[0]
    sent = next(journal.all(Sent))
    journal.events.insert(-1, msgspec.structs.replace(sent, seq=9, mono=journal.events[-1].mono, repeated=True))
    assert judge(run, log).counts == {"stored_twice": 1}


def test_a_repeat_acknowledged_under_the_same_seq_is_fine(run: Run) -> None:
    """Two acknowledgements of one message are one message."""
    log = run.end()
    journal = run.journals[0]
    sent = next(journal.all(Sent))
    journal.events.insert(-1, msgspec.structs.replace(sent, mono=journal.events[-1].mono, repeated=True))
    assert judge(run, log).outcome == "passed"
    assert judge(run, log).acknowledged == 60


@pytest.mark.parametrize("change", [{"kind": "notice"}, {"key": "other"}, {"author": 99}, {"at": "later"}])
def test_two_readings_of_one_seq_that_differ_are_named(run: Run, change: dict[str, str | int]) -> None:
    """Kind, key, author and time are the same for everybody, for ever."""
    log = run.end()
    events, at = run.journals[2].events, where(run.journals[2], 33)
    read = events[at]
    assert isinstance(read, Read)
    events[at] = msgspec.structs.replace(read, entries=(msgspec.structs.replace(read.entries[0], **change),))
    assert judge(run, log).counts == {"two_entries_one_seq": 1}


def test_an_acknowledgement_that_differs_from_the_log_is_named(run: Run) -> None:
    """The sender is a reader of its own entry too."""
    log = run.end()
    events = run.journals[0].events
    at = next(index for index, event in enumerate(events) if isinstance(event, Sent))
    events[at] = msgspec.structs.replace(events[at], at="another time")
    assert judge(run, log).counts == {"two_entries_one_seq": 1}


def test_a_member_who_never_got_the_newest_entries_missed_them(run: Run) -> None:
    """Who is in the room at the end has all of it."""
    log = run.end()
    del run.journals[1].events[where(run.journals[1], log.head)]
    verdict = judge(run, log)
    assert verdict.counts == {"missed": 1}
    assert (verdict.examples[0].client, verdict.examples[0].seq) == ("w-1", log.head)


def resumed(journal: Journal) -> int:
    return [index for index, event in enumerate(journal.events) if isinstance(event, Joined)][-1]


@pytest.mark.parametrize(
    "change",
    [
        {"entries": ()},
        {"entries_from": 1},
        {"after": 3},
        {"asked_epoch": "another"},
        {"after": None},
        {"epoch": "another", "asked_epoch": "another"},
    ],
    ids=",".join,
)
def test_a_recovery_that_does_not_continue_is_bad(run: Run, change: dict[str, object]) -> None:
    """`recovered: true` is only for a join that goes on exactly where the client was."""
    log = run.end()
    events, at = run.journals[1].events, resumed(run.journals[1])
    joined = events[at]
    assert isinstance(joined, Joined)
    if "entries_from" in change:
        change = {"entries": joined.entries[1:]}
    events[at] = msgspec.structs.replace(joined, **change)
    found = names(judge(run, log))
    if change == {"entries": ()}:
        assert found == {"gap"}  # nothing wrong was said: the rest may follow, and did not
    else:
        assert "bad_recovery" in found


def test_a_recovery_that_was_due_and_refused_is_bad(run: Run) -> None:
    """With the right epoch and all of it kept, starting over would hide what was missed."""
    log = run.end()
    events, at = run.journals[1].events, resumed(run.journals[1])
    events[at] = msgspec.structs.replace(events[at], recovered=False)
    assert judge(run, log).counts == {"bad_recovery": 1}


def test_a_new_epoch_starts_over_legitimately(run: Run) -> None:
    """A restore gives the room a new epoch: joins are not recovered, and seqs are counted anew."""
    for journal in run.journals:
        run.close(run.journals.index(journal))
    run.positions = [None, None, None]
    later = "epoch-2"
    for client in range(3):
        run.join(client)
        joined = run.journals[client].events[-1]
        assert isinstance(joined, Joined)
        run.journals[client].events[-1] = msgspec.structs.replace(
            joined, epoch=later, after=joined.head - 5, asked_epoch=EPOCH
        )
    log = msgspec.structs.replace(run.end(), epoch=later)
    verdict = judge(run, log)
    assert (verdict.outcome, verdict.started_over) == ("passed", 4 - 1)


def test_too_few_acknowledgements_are_unknown(run: Run) -> None:
    """A run that hardly ran proves nothing, and does not pass."""
    verdict = check(run.journals, run.end())
    assert (verdict.outcome, verdict.counts) == ("unknown", {})
    assert verdict.unknown == ("60 messages were acknowledged, 500 are needed",)
    assert verdict.exit_code == 1


def test_no_acknowledgement_under_the_fault_is_unknown(run: Run) -> None:
    """A fault that nobody chatted through proves nothing."""
    log = run.end()
    verdict = check(run.journals, log, Window(start=10.0, end=20.0), least=50)
    assert verdict.outcome == "unknown"
    assert verdict.unknown == ("0 messages were acknowledged under the fault, 1 are needed",)


def test_a_message_delayed_by_the_whole_fault_counts_as_under_it() -> None:
    """A locked database answers nothing while locked: what it delayed is what lived through the fault."""
    run = Run(clients=1)
    run.join(0)
    run.note(0, Asked(mono=run.now(), room=ROOM, key="long"))
    start = run.now()
    run.clock += 5
    end = run.now()
    run.entries.append(Entry(1, "text", "long", 1, "at-1"))
    run.note(0, Sent(mono=run.now(), room=ROOM, key="long", seq=1, at="at-1"))
    run.read(0)
    run.chat(5)
    verdict = check(run.journals, run.end(), Window(start=start, end=end), least=1)
    assert (verdict.outcome, verdict.acknowledged_in_window) == ("passed", 1)


def test_a_fault_that_is_over_at_once_has_two_seconds(run: Run) -> None:
    """FLUSHALL takes no time: the messages right after it are the ones it could have hurt."""
    start = run.now()
    run.clock += 1
    run.chat(3)
    run.clock += 2
    run.chat(3)
    verdict = check(run.journals, run.end(), Window(start=start, end=start), least=50)
    assert (verdict.outcome, verdict.acknowledged_in_window) == ("passed", 3)


def test_the_time_to_recover_is_when_the_last_client_sends_and_reads_again(run: Run) -> None:
    """It runs from the end of the fault to the slowest client's first new entry and first new acknowledgement."""
    start, end = run.now(), run.now()
    run.say(0)
    run.chat(9)
    verdict = check(run.journals, run.end(), Window(start=start - 5, end=end), least=50)
    slowest = max(next(event.mono for event in journal.all(Sent) if event.mono > end) for journal in run.journals)
    assert verdict.outcome == "passed"
    assert verdict.recover_seconds == pytest.approx(slowest - end, abs=0.05)
    assert verdict.fault_seconds == pytest.approx(5, abs=0.1)


def test_the_longest_stall_is_what_one_client_noticed(run: Run) -> None:
    """One client without news for 7 s is the figure, however well the others were."""
    start = run.now()
    run.close(2)
    for _ in range(7):
        run.clock += 1
        run.say(0)
        run.read(0)
        run.read(1)
    run.chat(6)
    verdict = check(run.journals, run.end(), Window(start=start, end=start + 7), least=50)
    assert verdict.stall_seconds == pytest.approx(7, abs=0.5)


def test_a_client_that_never_worked_again_is_unknown(run: Run) -> None:
    """No time to recover is not zero: nobody sent after the fault, so nothing shows that it healed."""
    end = run.clock + 1
    verdict = check(run.journals, run.end(), Window(start=1000.0, end=end + 100), least=50)
    assert verdict.outcome == "unknown"
    assert verdict.recover_seconds is None


def test_a_message_without_an_answer_is_unknown(run: Run) -> None:
    """A run that did not come to rest is not judged as clean."""
    log = run.end()
    journal = run.journals[0]
    journal.events.insert(-1, Asked(mono=journal.events[-1].mono, room=ROOM, key="open"))
    verdict = judge(run, log)
    assert verdict.unknown == ("w-0 has 1 messages without an answer",)


def test_a_client_outside_at_the_end_is_unknown(run: Run) -> None:
    """Who was not in the room at the end missed nothing that was promised, but did not recover either."""
    log = run.end()
    journal = run.journals[0]
    journal.events[-1] = Ended(mono=journal.events[-1].mono, room=ROOM, joined=False)
    verdict = judge(run, log)
    assert (verdict.outcome, verdict.unknown) == ("unknown", ("w-0 was not in the room at the end",))


def test_a_log_with_a_hole_is_a_gap(run: Run) -> None:
    """The log itself is gapless, whoever read what."""
    log = run.end()
    holed = msgspec.structs.replace(log, entries=log.entries[:5] + log.entries[6:])
    assert names(judge(run, holed)) == {"gap", "lost"}


def test_the_verdict_goes_to_json_and_back(run: Run) -> None:
    """`drill run --json` prints the verdict as it is."""
    verdict = judge(run)
    assert msgspec.json.decode(msgspec.json.encode(verdict), type=Verdict) == verdict
