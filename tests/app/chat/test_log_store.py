"""Storing: seqs without a gap, each key once, an answer for everybody, whatever the database does."""

import asyncio
import contextlib
import gc
import json
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.db import InterfaceError, connection
from prometheus_client import REGISTRY

from chat.log import Commit, Draft, Log, Refused, Stored, Unavailable
from chat.models import Entry, Membership, Room
from tests.app.chat.conftest import Place
from tests.waiting import PATIENCE

storing = sys.modules["chat.log.store"]


def rows(room: Room) -> list[tuple[int, str, str]]:
    """What the database has of a room: seq, key and text."""
    return list(Entry.objects.filter(room=room).order_by("seq").values_list("seq", "key", "text"))


async def rows_now(room: Room) -> list[tuple[int, str, str]]:
    """The same, off the loop; the thread keeps no connection."""

    def read() -> list[tuple[int, str, str]]:
        try:
            return rows(room)
        finally:
            connection.close()

    return await asyncio.to_thread(read)


async def outcome(future: "asyncio.Future[Stored]") -> object:
    """What a sender is told."""
    try:
        return await future
    except (Refused, Unavailable) as refused:
        return getattr(refused, "code", "unavailable")


def locked() -> sqlite3.Connection:
    """A connection of somebody else that holds the write lock."""
    other = sqlite3.connect(settings.DATABASES["default"]["NAME"], isolation_level=None, check_same_thread=False)
    other.execute("BEGIN IMMEDIATE")
    return other


def open_files() -> set[str]:
    """Which descriptors this process has on the database's files."""
    name = str(settings.DATABASES["default"]["NAME"])
    found = set()
    for link in Path("/proc/self/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):  # closed meanwhile: by this listing, or by another thread
            if str(link.readlink()).startswith(name):
                found.add(link.name)
    return found


@pytest.fixture
def impatient() -> Iterator[None]:
    """Wait for a lock no longer than it takes to find it held."""
    options = connection.settings_dict["OPTIONS"]
    before, options["timeout"] = options["timeout"], 0.05
    yield
    options["timeout"] = before


async def test_drafts_that_come_together_share_a_transaction(log: Log, place: Place) -> None:
    """One commit, seqs in the order of asking, and what was told is what is stored."""
    futures = [log.append(place.draft(f"k-{number}", f"text {number}")) for number in range(10)]
    stored = [await future for future in futures]
    assert [one.seq for one in stored] == list(range(1, 11))
    assert not any(one.repeated for one in stored)
    assert sum(len(commit.entries) for commit in place.commits) == 10
    assert len(place.commits) <= 2
    first = json.loads(place.commits[0].entries[0])
    assert (first["seq"], first["key"], first["text"]) == (1, "k-0", "text 0")
    assert place.commits[0].epoch == place.room.epoch
    read = await log.read(place.room.pk, place.room.epoch, 0, 100)
    assert read == [entry for commit in place.commits for entry in commit.entries]


async def test_drafts_that_come_while_one_is_stored_share_the_next_transaction(log: Log, place: Place) -> None:
    """The busier the process, the larger the batch: one transaction for each would be all that it can do."""
    go = threading.Event()
    log._writer.submit(lambda: go.wait(10), lambda _: None)
    futures = []
    for key in "abc":
        futures.append(log.append(place.draft(key)))
        for _ in range(3):
            await asyncio.sleep(0)
    go.set()
    await asyncio.gather(*futures)
    assert [len(commit.entries) for commit in place.commits] == [1, 2]


def measured(*names: str) -> list[float]:
    """What was counted and observed of that so far."""
    return [REGISTRY.get_sample_value(f"parley_{name}") or 0.0 for name in names]


async def test_each_batch_is_measured(log: Log, place: Place) -> None:
    """Once, whatever it has: how many messages, and what they took until the commit, the readers and the senders."""
    counts = (
        "commit_messages_sum",
        *(f"{name}_count" for name in ("commit_messages", "commit_seconds", "written_seconds", "sent_seconds")),
        "commits_failed_total",
    )
    times = ("commit_seconds_sum", "written_seconds_sum", "sent_seconds_sum")
    counted, took, began = measured(*counts), measured(*times), time.perf_counter()
    await asyncio.gather(*(log.append(place.draft(key)) for key in "abc"))
    all_of_it = time.perf_counter() - began
    assert [now - before for now, before in zip(measured(*counts), counted, strict=True)] == [3, 1, 1, 1, 1, 0]
    commit, written, sent = (now - before for now, before in zip(measured(*times), took, strict=True))
    assert 0 < commit < all_of_it - sent
    assert 0 < written < sent < all_of_it


async def test_the_writer_rests_when_nothing_is_queued(
    log: Log, place: Place, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """An empty transaction after the last draft would be followed by another one, for ever; and nothing failed."""
    batches: list[int] = []
    store = storing.store

    def counted(drafts: Sequence[Draft]) -> Any:
        batches.append(len(drafts))
        return store(drafts)

    monkeypatch.setattr("chat.log.log.store", counted)
    await log.append(place.draft("a"))
    for _ in range(3):
        await log._writer.run(lambda: None)
    assert batches == [1]
    assert caplog.messages == []


async def test_what_comes_after_the_end_is_refused(place: Place) -> None:
    """A sender whose process ends is told so, and does not wait for ever."""
    log = Log(place.commits.append)
    await log.close()
    with pytest.raises(Unavailable, match="the process ends"):
        await asyncio.wait_for(log.append(place.draft("late")), 10)


async def test_the_future_is_answered_after_the_commit_is_told(place: Place) -> None:
    """The sender's own room is not behind its `sent` by more than a turn of the loop."""
    told: list[str] = []
    log = Log(lambda _: told.append("commit"))
    future = log.append(place.draft("k"))
    future.add_done_callback(lambda _: told.append("sent"))
    await future
    await log.close()
    assert told == ["commit", "sent"]


async def test_the_same_key_again_is_answered_with_the_first(log: Log, place: Place) -> None:
    """Later, in the same batch, with another text; and a key belongs to its author and its room."""
    first = await log.append(place.draft("k", "one"))
    again, also, other, elsewhere = await asyncio.gather(
        log.append(place.draft("k", "two")),
        log.append(place.draft("k", "three")),
        log.append(place.draft("k", "bob's", author=place.bob.pk, author_name="Bob")),
        log.append(place.draft("k", "closed", room=place.closed.pk)),
    )
    assert again == also == Stored(first.seq, first.at, repeated=True)
    assert (other.seq, other.repeated) == (2, False)
    assert (elsewhere.seq, elsewhere.repeated) == (1, False)
    twice = await asyncio.gather(*(log.append(place.draft("new", text)) for text in ("a", "b")))
    assert [(one.seq, one.repeated) for one in twice] == [(3, False), (3, True)]
    stored = await rows_now(place.room)
    assert stored == [(1, "k", "one"), (2, "k", "bob's"), (3, "new", "a")]


async def test_who_may_not_write_is_told_so_and_nobody_else_notices(log: Log, place: Place) -> None:
    """All of it in one batch with a draft that is stored."""
    answers = await asyncio.gather(
        *map(
            outcome,
            [
                log.append(place.draft("1", room=987_654)),
                log.append(place.draft("2", room=place.closed.pk, author=place.bob.pk)),
                log.append(place.draft("3", author=place.guest.pk, author_name="Guest", guest=True)),
                log.append(place.draft("4", reply_to=1)),
                log.append(place.draft("5")),
                log.append(place.draft("6", reply_to=1)),
                log.append(place.draft("7", reply_to=1)),
            ],
        )
    )
    assert answers[:4] == ["no_such_room", "not_allowed", "not_allowed", "not_found"]
    assert [one.seq for one in answers[4:] if isinstance(one, Stored)] == [1, 2, 3]


def test_a_guest_writes_where_guests_are_let_in(place: Place) -> None:
    """The room says so, not the draft."""
    Room.objects.filter(pk=place.room.pk).update(guests=True)
    outcomes, commits = store_one(place.draft("k", author=place.guest.pk, guest=True))
    assert isinstance(outcomes[0], Stored)
    assert json.loads(commits[0].entries[0])["author"] == {"id": place.guest.pk, "name": "Ada", "guest": True}


def store_one(*drafts: Any) -> tuple[list[Any], list[Commit]]:
    """Store in this thread."""
    return storing.store(drafts)


@pytest.mark.parametrize("blind", [0, 1, 2])
def test_a_draft_that_clashes_in_the_database_spoils_no_other(
    place: Place, monkeypatch: pytest.MonkeyPatch, blind: int
) -> None:
    """Another process stored the key before, or between our looking and our writing: each is answered for itself."""
    store_one(place.draft("taken", "theirs"))
    known, looks = storing._known, []

    def blind_at_first(*asked: Any) -> Any:
        looks.append(asked)
        return known(*asked) if len(looks) > blind else {}

    monkeypatch.setattr(storing, "_known", blind_at_first)
    outcomes, commits = store_one(place.draft("a"), place.draft("taken", "ours"), place.draft("b"))
    assert [(one.seq, one.repeated) for one in outcomes] == [(2, False), (1, True), (3, False)]
    assert [commit.first + index for commit in commits for index in range(len(commit.entries))] == [2, 3]
    assert [(key, text) for _, key, text in rows(place.room)] == [("taken", "theirs"), ("a", "hello"), ("b", "hello")]


async def test_a_lone_draft_that_clashes_is_unknown_and_not_lost(
    log: Log, place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same key again finds out."""
    await log.append(place.draft("k"))
    with monkeypatch.context() as patched:
        patched.setattr(storing, "_known", lambda _: {})
        assert await outcome(log.append(place.draft("k"))) == "unavailable"
    assert (await log.append(place.draft("k"))).repeated


async def test_a_locked_database_is_unavailable_and_the_same_key_stores_once(
    log: Log, place: Place, impatient: None
) -> None:
    """Reading goes on meanwhile: a writer that waits holds up no reader."""
    await log.append(place.draft("before"))
    other = locked()
    future = log.append(place.draft("k"))
    joined = await log.join(user=place.ada, slug="hall", after=None, epoch=None)
    assert joined.head.seq == 1
    assert await outcome(future) == "unavailable"
    other.execute("ROLLBACK")
    other.close()
    stored = await log.append(place.draft("k"))
    assert (stored.seq, stored.repeated) == (2, False)
    assert (await log.append(place.draft("k"))).repeated


@pytest.mark.parametrize("error", [InterfaceError("connection already closed"), RuntimeError("a bug")])
async def test_no_sender_waits_for_ever(
    log: Log, place: Place, monkeypatch: pytest.MonkeyPatch, error: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    """Whatever goes wrong in a batch, each of its senders is answered, and the next batch is stored."""

    def broken(*_: object) -> None:
        raise error

    with monkeypatch.context() as patched:
        patched.setattr(storing, "_rights", broken)
        failed = measured("commits_failed_total")
        answers = await asyncio.gather(*(outcome(log.append(place.draft(f"k-{number}"))) for number in range(3)))
        assert answers == ["unavailable"] * 3
        assert measured("commits_failed_total") == [failed[0] + 1], "an alert counts batches"
    assert (await log.append(place.draft("k-0"))).seq == 1


async def test_who_is_told_of_a_commit_cannot_hold_up_its_answer(
    place: Place, caplog: pytest.LogCaptureFixture
) -> None:
    """It is stored: the sender is told so."""

    def broken(_: Commit) -> None:
        raise RuntimeError("a bug")

    log = Log(broken)
    assert (await log.append(place.draft("k"))).seq == 1
    assert (await log.append(place.draft("l"))).seq == 2
    await log.close()
    assert "could not be published" in caplog.text


async def test_a_sender_that_went_away_is_stored_all_the_same(log: Log, place: Place) -> None:
    """A future that was cancelled disturbs nobody in its batch."""
    futures = [log.append(place.draft(f"k-{number}")) for number in range(3)]
    futures[1].cancel()
    assert (await futures[2]).seq == 3
    assert len(await rows_now(place.room)) == 3


async def test_too_many_that_wait_are_refused(log: Log, place: Place, impatient: None) -> None:
    """Memory has an end: who comes above it is told at once, and may repeat."""
    queue = sys.modules["chat.log.log"].QUEUE_DRAFTS
    futures = [log.append(place.draft(f"k-{number}")) for number in range(queue + 5)]
    late = [outcome(future) for future in futures[-5:]]
    assert [await one for one in late] == ["unavailable"] * 5
    assert [(await future).seq for future in futures[:-5]] == list(range(1, queue + 1))


def test_close_stores_what_is_queued_and_closes_its_connections(place: Place) -> None:
    """A drain ends here: it must not fail, nothing that was taken is lost, and no descriptor is left."""

    async def use_and_close() -> list["asyncio.Future[Stored]"]:
        log = Log(place.commits.append)
        futures = [log.append(place.draft(f"k-{number}")) for number in range(300)]
        await log.heads([place.room.pk])
        assert open_files() - before
        await log.close()
        return futures

    connection.close()
    gc.collect()
    before = open_files()  # a thread that Channels shares may have kept a connection of an earlier test's
    assert all(future.result() for future in asyncio.run(use_and_close()))
    assert open_files() <= before
    assert len(rows(place.room)) == 300


# Two writers


async def test_two_logs_of_one_process_leave_no_gap(place: Place) -> None:
    """Two threads on one file: each seq is given once."""
    logs = [Log(place.commits.append) for _ in range(2)]
    futures = []
    for number in range(60):
        futures += [
            one.append(place.draft(f"{name}-{number}", room=room.pk))
            for name, one in enumerate(logs)
            for room in (place.room, place.closed)
        ]
        await asyncio.sleep(0)
    seqs = [(await future).seq for future in futures]
    for one in logs:
        await one.close()
    assert sorted(seqs) == sorted([*range(1, 121)] * 2)
    told = sorted(
        (commit.room, commit.first + index) for commit in place.commits for index in range(len(commit.entries))
    )
    assert told == sorted((room.pk, seq) for room in (place.room, place.closed) for seq in range(1, 121))


WRITER = Path(__file__).with_name("writer.py")


def test_two_processes_leave_no_gap(place: Place) -> None:
    """Each writes its own keys and some that both write: together they give each seq once."""
    url = f"sqlite:///{settings.DATABASES['default']['NAME']}"
    command = [sys.executable, str(WRITER), url, str(place.ada.pk), str(place.room.pk), str(place.closed.pk)]
    connection.close()
    writers = [subprocess.Popen([*command, name], stdout=subprocess.PIPE, text=True) for name in ("a", "b")]
    answers = [json.loads(writer.communicate(timeout=PATIENCE)[0]) for writer in writers]
    assert [writer.returncode for writer in writers] == [0, 0]
    for room in (place.room, place.closed):
        seqs = [seq for seq, _, _ in rows(room)]
        assert seqs == list(range(1, len(seqs) + 1))
        assert Room.objects.get(pk=room.pk).head == len(seqs)
        told = [{key: seq for one, key, seq in answer if one == room.pk} for answer in answers]
        stored = {key: seq for seq, key, _ in rows(room)}
        assert told[0].items() | told[1].items() == stored.items()
        both = told[0].keys() & told[1].keys()
        assert both
        assert all(told[0][key] == told[1][key] for key in both)


def test_a_key_that_is_stored_is_answered_whoever_may_write_now(place: Place) -> None:
    """`sent` is for ever: who lost the right to write still hears where the message is, and writes nothing new."""
    draft = Draft(place.closed.pk, place.ada.pk, "Ada", guest=False, key="mine", text="before")
    (first,), _ = store_one(draft)
    Membership.objects.filter(room=place.closed, user=place.ada).delete()
    fresh = Draft(place.closed.pk, place.ada.pk, "Ada", guest=False, key="another", text="after")
    (again, refused), commits = store_one(draft, fresh)
    assert (again.seq, again.repeated) == (first.seq, True)
    assert isinstance(refused, Refused)
    assert refused.code == "not_allowed"
    assert commits == []


@pytest.mark.parametrize("state", ["banned = 1", "is_active = 0"])
async def test_a_ban_is_asked_in_the_transaction_of_the_write(
    log: Log, place: Place, state: str, caplog: pytest.LogCaptureFixture
) -> None:
    """One that is stored while a message waits for the database refuses it, and is told whose it was.

    Others of its batch are stored, and what was stored before is still answered.
    """
    caplog.set_level("INFO")
    assert (await log.append(place.draft("before"))).seq == 1
    other = locked()
    waiting = [log.append(place.draft(key)) for key in ("before", "after")]
    bobs = log.append(place.draft("bobs", author=place.bob.pk))
    other.execute(f"UPDATE accounts_user SET {state} WHERE id = {place.ada.pk}")
    other.execute("COMMIT")
    other.close()
    assert [getattr(await outcome(one), "seq", await outcome(one)) for one in (*waiting, bobs)] == [1, "not_allowed", 2]
    assert [key for _, key, _ in await rows_now(place.room)] == ["before", "bobs"]
    assert f"banned or gone are refused: [{place.ada.pk}]" in caplog.text


async def test_somebody_deleted_writes_nothing(log: Log, place: Place) -> None:
    """A socket may live on for a moment."""
    assert await outcome(log.append(place.draft("k", author=987_654))) == "not_allowed"
    assert await rows_now(place.room) == []


async def test_who_asked_is_answered_before_who_waits(log: Log, place: Place) -> None:
    """In the turn of the commit, so that `sent` leaves with the entries; refusals and an error of its own, too."""
    told: list[object] = []

    def answered(future: "asyncio.Future[Stored]") -> None:
        told.append((len(place.commits), future.done()))
        raise RuntimeError("a bug")

    stored = log.append(place.draft("k"), answered)
    stored.add_done_callback(lambda _: told.append("waited"))
    assert (await stored).seq == 1
    assert told == [(1, True), "waited"]
    assert await outcome(log.append(place.draft("l", room=987_654), answered)) == "no_such_room"
    assert told[2:] == [(1, True)]
