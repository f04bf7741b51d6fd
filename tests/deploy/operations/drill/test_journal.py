"""A journal keeps every event through a file."""

from pathlib import Path

from deploy.operations.drill.journal import (
    Behind,
    Connected,
    Denied,
    Drained,
    Entry,
    Frozen,
    Ignored,
    Journal,
    Quit,
    Rejected,
)
from tests.deploy.operations.drill.runs import Run


def test_a_journal_goes_to_lines_and_back(tmp_path: Path) -> None:
    """Every kind of event survives as one line of JSON each."""
    run = Run(clients=1)
    run.chat(3)
    run.close(0)
    run.end()
    journal = run.journals[0]
    for event in (
        Rejected(why="given up"),
        Ignored(room="lobby", seqs=(1, 2)),
        Denied(code="unavailable", key="k", retry_ms=10),
        Behind(room="lobby", head=4, position=2),
        Drained(within_ms=5000),
        Frozen(frozen=True),
        Quit(code=4403),
    ):
        journal.add(event)
    path = journal.save(tmp_path)
    assert path.name == "w-0.jsonl"
    assert len(path.read_bytes().splitlines()) == len(journal.events) + 1
    again = Journal.from_lines(path.read_bytes())
    assert (again.client, again.events) == (journal.client, journal.events)


def test_the_author_is_who_the_server_welcomed() -> None:
    """A client that never got in has no id."""
    journal = Journal("w-9")
    assert journal.author is None
    journal.add(Connected(instance="web-1", you=7))
    assert journal.author == 7


def test_an_entry_of_nobody_has_no_author() -> None:
    """A notice may have neither author nor key on the wire."""
    entry = Entry.of({"seq": 1, "kind": "notice", "author": None, "key": None, "at": "t", "text": "hi"})
    assert entry == Entry(1, "notice", "", None, "t")
