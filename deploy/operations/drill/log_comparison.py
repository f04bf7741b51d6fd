"""The log against what clients were told: every acknowledgement and every reading must be in it, once and alike."""

from collections import defaultdict
from collections.abc import Iterable, Iterator

from deploy.operations.drill.journal import Entry, Joined, Journal, Log, Read, Sent
from deploy.operations.drill.verdict import Violation

READER = "log"  # the client named where the log itself is wrong


def log_violations(log: Log) -> Iterator[Violation]:
    """Judge the log alone: gapless up to its head, each key of an author once."""
    position: int | None = None
    for entry in log.entries:
        if position is not None and entry.seq <= position:
            yield Violation("disorder", READER, entry.seq, f"after {position}")
        elif position is not None and entry.seq > position + 1:
            yield Violation("gap", READER, position + 1, f"up to {entry.seq - 1}")
        position = entry.seq
    if (position or 0) < log.head:
        yield Violation("gap", READER, (position or 0) + 1, f"the log ends before its head {log.head}")
    for (author, key), seqs in _stored(log).items():
        if len(seqs) > 1:
            yield Violation("stored_twice", READER, seqs[1], f"key {key} of {author} is {seqs}")


def sent_violations(journal: Journal, log: Log) -> Iterator[Violation]:
    """Judge every acknowledgement of one client: it is in the log, once, as it was told."""
    stored = _stored(log)
    by_seq = {entry.seq: entry for entry in log.entries}
    told: dict[str, Sent] = {}
    for sent in journal.all(Sent):
        if sent.room != log.room:
            continue
        first = told.setdefault(sent.key, sent)
        seqs = stored.get((journal.author, sent.key), [])
        entry = by_seq.get(sent.seq)
        if first.seq != sent.seq:
            detail = f"key {sent.key} acknowledged as {first.seq} and as {sent.seq}"
            yield Violation("stored_twice", journal.client, sent.seq, detail)
        elif not seqs:
            yield Violation("lost", journal.client, sent.seq, f"key {sent.key} was acknowledged")
        elif entry is None or sent.seq not in seqs or entry.at != sent.at:
            detail = f"key {sent.key} acknowledged as {sent.seq} at {sent.at}, the log has it as {seqs}: {entry}"
            yield Violation("two_entries_one_seq", journal.client, sent.seq, detail)


def reading_violations(journals: Iterable[Journal], log: Log) -> Iterator[Violation]:
    """Judge every reading: all members and the log have the same entry under one seq."""
    known = {(log.epoch, entry.seq): entry for entry in log.entries}
    oldest = min((entry.seq for entry in log.entries), default=log.head + 1)
    for journal in journals:
        for epoch, entry in _readings(journal, log.room):
            if epoch == log.epoch and entry.seq >= oldest and (epoch, entry.seq) not in known:
                yield Violation("lost", journal.client, entry.seq, "read by a member, not in the log")
                continue
            same = known.setdefault((epoch, entry.seq), entry)
            if same != entry:
                yield Violation("two_entries_one_seq", journal.client, entry.seq, f"{entry} and {same}")


def _stored(log: Log) -> dict[tuple[int | None, str], list[int]]:
    stored: dict[tuple[int | None, str], list[int]] = defaultdict(list)
    for entry in log.entries:
        if entry.key and entry.author is not None:
            stored[entry.author, entry.key].append(entry.seq)
    return stored


def _readings(journal: Journal, room: str) -> Iterator[tuple[str, Entry]]:
    epoch = ""
    for event in journal.events:
        if isinstance(event, Joined) and event.room == room:
            epoch = event.epoch
        if isinstance(event, (Joined, Read)) and event.room == room:
            for entry in event.entries:
                yield epoch, entry
