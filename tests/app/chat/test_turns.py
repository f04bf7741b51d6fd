"""What reading costs: one read under way for each person, so many rows in a time, and no more than is sent."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.models import User
from chat import limits
from chat.log import Log, TooManyRows, read
from chat.log.turns import FEW, Turn, Turns
from chat.models import Entry
from tests.app.chat.conftest import Place
from tests.app.chat.test_log_read import fill, join, numbers, seqs


@contextmanager
def counted(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[int]]:
    """Note how many entries were encoded, which is how many were read."""
    encoded: list[int] = []
    encode = read._encode

    def count(rows: Any) -> list[bytes]:
        found = encode(rows)
        encoded.append(len(found))
        return found

    monkeypatch.setattr(read, "_encode", count)
    yield encoded


async def pages(log: Log, user: User, limit: int) -> int:
    """Read pages until the next one is refused; give their number."""
    for number in range(limits.ROWS):
        try:
            await log.page(user=user, slug="hall", before=10**6, limit=limit)
        except TooManyRows:
            return number
    raise AssertionError("refused nothing")


async def test_messages_are_counted_and_not_frames(
    log: Log, place: Place, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A page costs what is in it and a little; who read too much is refused, also at the door, and others are not."""
    monkeypatch.setattr("chat.log.turns.ROWS_PER_SECOND", 1e-6)  # nothing comes back while this runs
    await sync_to_async(fill)(place, limits.HISTORY_ENTRIES)
    cost = limits.HISTORY_ENTRIES + limits.READ_ROWS
    assert await pages(log, place.ada, limits.HISTORY_ENTRIES) == -(-limits.ROWS // cost)
    with pytest.raises(TooManyRows):
        await log.join(user=place.ada, slug="hall", after=None, epoch=None)
    assert caplog.text.count(f"person {place.ada.pk} reads too many messages") == 1
    assert await pages(log, place.bob, 1) == limits.ROWS // (1 + limits.READ_ROWS) + 1


async def test_a_client_of_100_rooms_comes_back(log: Log, place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the newest 50 of each: nobody honest is refused. What a resume did not find is given back."""
    monkeypatch.setattr("chat.log.turns.ROWS_PER_SECOND", 1e-6)
    room = await sync_to_async(fill)(place, 60)
    for _ in range(limits.ROOMS_PER_SOCKET):
        await log.join(user=place.ada, slug="hall", after=None, epoch=None)
    for _ in range(limits.ROWS // (limits.READ_ROWS + 1)):
        await log.join(user=place.bob, slug="hall", after=59, epoch=room.epoch)


async def test_catching_up_is_paid_for_and_waits(
    log: Log, place: Place, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, until: Any
) -> None:
    """However many sockets of a person do so, it stops where only what joins and pages need is left."""
    most, spare = 6_000, 1_500
    for name, number in (("ROWS_PER_SECOND", 1e-6), ("ROWS", most), ("SPARE_ROWS", spare)):
        monkeypatch.setattr(f"chat.log.turns.{name}", number)
    room = await sync_to_async(fill)(place, 200)
    done: list[int] = []

    async def catch_up(person: int) -> None:
        for _ in range(100):
            assert len(await log.catch_up(person, room.pk, room.epoch, 0, 200)) == 200
            done.append(person)

    tasks = [asyncio.create_task(catch_up(place.ada.pk)) for _ in range(5)]
    await until(lambda: "slowed down" in caplog.text)
    assert len(done) == (most - spare) // (200 + limits.READ_ROWS)
    assert caplog.text.count(f"person {place.ada.pk} reads too many messages") == 1
    await log.join(user=place.ada, slug="hall", after=None, epoch=None)
    assert await pages(log, place.ada, 1) == -(-(spare - limits.JOIN_ENTRIES - limits.READ_ROWS) // 101)
    await asyncio.wait_for(log.catch_up(place.bob.pk, room.pk, room.epoch, 0, 200), 10)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def test_who_catches_up_goes_on_when_it_is_paid_for(log: Log, place: Place) -> None:
    """And 500 sockets of one account, which missed a little each, do so at once."""
    room = await sync_to_async(fill)(place, 10)
    got = await asyncio.gather(*(log.catch_up(place.bob.pk, room.pk, room.epoch, 0, 200) for _ in range(500)))
    assert {len(entries) for entries in got} == {10}
    turn = log._turns._turns[place.bob.pk]
    turn.bucket.tokens = limits.SPARE_ROWS - 5.0  # and the bucket fills
    assert len(await asyncio.wait_for(log.catch_up(place.bob.pk, room.pk, room.epoch, 0, 200), 10)) == 10


async def test_one_read_is_under_way_for_each_person(log: Log, place: Place, until: Any) -> None:
    """The others of that person wait outside of the thread; another person's is behind one, not behind all."""
    go = threading.Event()
    log._reader.submit(lambda: go.wait(10), lambda _: None)
    await until(log._reader._queue.empty)
    order: list[str] = []

    async def ask(name: str, user: User) -> None:
        await log.page(user=user, slug="hall", before=9, limit=5)
        order.append(name)

    async def enter(name: str, user: User) -> None:
        await log.join(user=user, slug="hall", after=None, epoch=None)
        order.append(name)

    asked = [asyncio.create_task(ask(f"ada {number}", place.ada)) for number in range(40)]
    asked.append(asyncio.create_task(enter("bob", place.bob)))
    await until(lambda: log._reader._queue.qsize() == 2)
    go.set()
    await asyncio.gather(*asked)
    assert order.index("bob") < 4  # an answer takes some turns of the loop, while the thread goes on
    assert [name for name in order if name != "bob"] == [f"ada {number}" for number in range(40)]


async def test_pages_of_many_people_leave_the_thread_to_joins(log: Log, place: Place, until: Any) -> None:
    """One page at a time, whoever asks for them."""
    people = [await User.objects.acreate(username=f"p-{number}") for number in range(20)]
    go = threading.Event()
    log._reader.submit(lambda: go.wait(10), lambda _: None)
    await until(log._reader._queue.empty)
    asked = [asyncio.create_task(log.page(user=one, slug="hall", before=9, limit=5)) for one in people]
    await asyncio.sleep(0)
    joining = asyncio.create_task(log.join(user=place.bob, slug="hall", after=None, epoch=None))
    await until(lambda: log._reader._queue.qsize() == 2)
    go.set()
    await joining
    assert sum(not one.done() for one in asked) >= len(people) - 2
    await asyncio.gather(*asked)


async def test_who_leaves_in_the_middle_has_paid(monkeypatch: pytest.MonkeyPatch) -> None:
    """The thread reads on for nobody: to come again must not be cheaper than to stay."""
    monkeypatch.setattr("chat.log.turns.ROWS_PER_SECOND", 1e-6)
    turns = Turns()

    async def hang() -> None:
        async with turns.turn(1, limits.ROWS):
            await asyncio.Event().wait()

    task = asyncio.create_task(hang())
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    with pytest.raises(TooManyRows):
        async with turns.turn(1, 1):
            pass


async def test_who_has_rested_is_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    """And nobody else: a new socket of the same person gets no new turn."""
    turns = Turns()
    async with turns.turn(0, limits.ROWS) as reading:
        reading.rows = limits.ROWS
    for person in range(1, FEW):
        async with turns.turn(person, 1):
            pass
    monkeypatch.setattr("parley_serving.bucket.time.monotonic", lambda now=turns._turns[0].bucket.filled_at + 1: now)
    async with turns.turn(FEW, 1):
        pass
    assert set(turns._turns) == {0, FEW}


async def test_who_waits_to_catch_up_has_not_rested() -> None:
    """A new turn would be a second one."""
    turn = Turn()
    assert turn.has_rested()
    async with turn.catching_up:
        assert not turn.has_rested()


def test_a_read_stops_where_the_frame_is_full(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is behind is not read: a page, a join and a repair of the longest texts read little more than they send."""
    fill(place, 400, text="😀" * limits.TEXT_CHARACTERS)
    with counted(monkeypatch) as encoded:
        read.page(user=place.ada, slug="hall", before=10**6, limit=limits.HISTORY_ENTRIES)
        join(place, after=0, epoch=place.room.epoch)
        read.entries_after(place.room.pk, 0, 200, epoch=place.room.epoch)
    assert encoded == [limits.CHUNK_ROWS] * 3


def test_a_resume_far_back_counts_nothing(place: Place, django_assert_max_num_queries: Any) -> None:
    """It takes as many statements as its 500 entries need, none of which goes over the rest of the log."""
    room = fill(place, 1_200)
    chunks = -(-limits.RESUME_ENTRIES // limits.CHUNK_ROWS)
    with CaptureQueriesContext(connection) as asked:
        joined = join(place, after=1, epoch=room.epoch)
    assert (joined.recovered, seqs(joined.entries)) == (True, numbers(2, 501))
    reading = [query["sql"] for query in asked if Entry._meta.db_table in query["sql"]]
    assert len(reading) == chunks
    assert not any("COUNT" in sql for sql in reading)
    Entry.objects.filter(room=room, seq__lte=100).delete()  # its beginning is not kept any more
    assert not join(place, after=1, epoch=room.epoch).recovered
    assert join(place, after=100, epoch=room.epoch).recovered


def test_joins_of_a_batch_stop_at_so_many_rows(place: Place) -> None:
    """Who is left is asked for again; a piece of work is never longer than this."""
    room = fill(place, 1_000)
    asked = [read.Asked(place.ada, "hall", number, room.epoch) for number in range(40)]
    answered = read.joins(asked)
    assert 1 < len(answered) <= -(-limits.JOINS_ROWS // limits.RESUME_ENTRIES)
    assert list(answered) == asked[: len(answered)]


async def test_who_is_left_of_a_batch_is_answered(log: Log, place: Place) -> None:
    """All of them, whatever they asked for."""
    room = await sync_to_async(fill)(place, 600)
    people = [await User.objects.acreate(username=f"p-{number}") for number in range(20)]
    joined = await asyncio.gather(
        *(log.join(user=one, slug="hall", after=number, epoch=room.epoch) for number, one in enumerate(people))
    )
    assert [seqs(one.entries)[0] for one in joined] == numbers(1, 20)
