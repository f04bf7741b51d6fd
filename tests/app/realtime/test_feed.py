"""One room in one process: whatever order entries come in, each socket reads each of them once, in sequence."""

import asyncio
import gc
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence

import pytest

from realtime import feed as feeds
from realtime.feed import Asked, Feed
from tests.app.realtime.fakes import MemoryLog, Reader, entries, feed_on, offer

Until = Callable[[Callable[[], object]], Awaitable[None]]


@pytest.fixture
async def log() -> MemoryLog:
    """An empty log."""
    return MemoryLog()


@pytest.fixture
async def feed(log: MemoryLog) -> AsyncIterator[Feed]:
    """A feed at its beginning, closed after the test."""
    feed = feed_on(log)
    yield feed
    feed.close()
    await asyncio.sleep(0)


@pytest.fixture
def reader(feed: Feed) -> Reader:
    """A live socket."""
    reader = Reader()
    feed.attach(reader, 0)
    return reader


def numbers(last: int, first: int = 1) -> list[int]:
    """first…last."""
    return list(range(first, last + 1))


async def test_entries_in_order_go_straight_out(log: MemoryLog, feed: Feed, reader: Reader) -> None:
    """No task, no read: the caller's turn of the loop is the socket's."""
    offer(feed, 1, 1)
    offer(feed, 2, 8)
    assert reader.seqs == numbers(8)
    assert feed.position == 8
    assert log.counted["deliveries"] == 8
    assert not log.reads


async def test_each_frame_is_made_once_for_all(feed: Feed) -> None:
    """The same object goes to every live socket: it is encoded once."""
    taken: list[object] = []

    class Taker(Reader):
        def write(self, frame: object) -> None:
            taken.append(frame)

    for _ in range(3):
        feed.attach(Taker(), 0)
    offer(feed, 1, 1)
    assert len(taken) == 3
    assert len(set(map(id, taken))) == 1


async def test_out_of_order_within_the_gap_time_reads_nothing(log: MemoryLog, feed: Feed, reader: Reader) -> None:
    """Two processes publish in either order: the missing piece comes by itself."""
    offer(feed, 3, 4)
    offer(feed, 6, 6)
    assert reader.seqs == []
    offer(feed, 1, 2)
    assert reader.seqs == numbers(4)
    offer(feed, 5, 5)
    assert reader.seqs == numbers(6)
    await asyncio.sleep(feeds.GAP_SECONDS * 2)
    assert not log.reads


async def test_repeats_are_dropped(feed: Feed, reader: Reader) -> None:
    """Whole, in part, and of entries that wait for their turn."""
    offer(feed, 1, 3)
    offer(feed, 1, 3)
    offer(feed, 2, 5)
    offer(feed, 3, 3)
    offer(feed, 7, 8)
    offer(feed, 7, 7)
    offer(feed, 6, 9)
    offer(feed, 8, 10)
    assert reader.seqs == numbers(10)


async def test_several_gaps_cost_one_read(log: MemoryLog, feed: Feed, reader: Reader, until: Until) -> None:
    """What the layer lost is read from the log once the gap time is over."""
    log.append(9)
    for seq in (2, 4, 6, 8):
        offer(feed, seq, seq)
    await until(lambda: feed.position == 9)
    assert reader.seqs == numbers(9)
    assert log.reads == [(1, 0)]
    assert log.counted["repaired"] == 9


async def test_a_long_gap_is_read_page_by_page(log: MemoryLog, feed: Feed, reader: Reader, until: Until) -> None:
    """A feed that was far behind reads no more at once than anybody else."""
    log.append(2 * feeds.READ_ENTRIES + 5)
    feed.head_is(2 * feeds.READ_ENTRIES + 5)
    await until(lambda: feed.position == log.head())
    assert reader.seqs == numbers(log.head())
    assert log.reads == [(1, 0), (1, 200), (1, 400)]


async def test_more_early_entries_than_are_kept(log: MemoryLog, feed: Feed, reader: Reader, until: Until) -> None:
    """The log has those that did not fit."""
    log.append(3_000)
    for first in range(2, 3_000, 100):
        offer(feed, first, min(first + 99, 3_000))
    assert len(feed._early) <= feeds.EARLY_ENTRIES + 100
    await until(lambda: feed.position == 3_000)
    assert reader.seqs == numbers(3_000)
    assert not feed._early


async def test_what_comes_while_a_repair_reads(log: MemoryLog, feed: Feed, reader: Reader, until: Until) -> None:
    """The answer is as of the question: nothing twice, and what was stored since then is read too."""
    log.append(2)
    log.gate.clear()
    feed.head_is(2)
    await until(lambda: log.reads)
    log.append(3)
    offer(feed, 1, 3)  # overtakes the read
    offer(feed, 5, 5)  # 4 is stored, not in the read's answer, and was lost on the way
    assert reader.seqs == numbers(3)
    log.gate.set()
    await until(lambda: feed.position == 5)
    assert reader.seqs == numbers(5)
    assert log.reads == [(1, 0), (1, 3)]


async def test_a_head_told_while_a_repair_reads_is_not_forgotten(log: MemoryLog, feed: Feed, until: Until) -> None:
    """A joiner ahead of the feed does not wait for the next poll."""
    log.append(2)
    log.gate.clear()
    feed.head_is(2)
    await until(lambda: log.reads)
    log.append(3)
    ahead = Reader()
    feed.attach(ahead, 5)
    log.gate.set()
    await until(lambda: ahead in feed.live)
    log.append(1)
    offer(feed, 6, 6)
    assert ahead.seqs == [6]


async def test_a_log_that_is_away_during_a_repair(log: MemoryLog, feed: Feed, reader: Reader, until: Until) -> None:
    """Nothing is given up: the next that tells where the log ends tries again."""
    log.append(5)
    log.is_down = True
    offer(feed, 3, 5)
    await until(lambda: log.reads and feed._repair is None)
    assert reader.seqs == []
    log.is_down = False
    feed.head_is(5)
    await until(lambda: feed.position == 5)
    assert reader.seqs == numbers(5)


async def test_a_repair_that_failed_is_tried_again_with_the_next_entries(
    log: MemoryLog, feed: Feed, reader: Reader, until: Until
) -> None:
    """What came early still waits for what is missing, and nobody waits for the poll."""
    log.append(3)
    log.is_down = True
    offer(feed, 3, 3)
    await until(lambda: log.reads and feed._repair is None)
    log.is_down = False
    offer(feed, 1, 1)
    await until(lambda: reader.seqs == numbers(3))


async def test_a_head_that_is_not_in_the_log_is_not_asked_for_again_and_again(
    log: MemoryLog, feed: Feed, until: Until
) -> None:
    """The history was replaced, or a message lied; the heads poll settles it, and no read spins meanwhile."""
    log.append(1)
    offer(feed, 5, 9)
    await until(lambda: log.reads and feed._repair is None)
    assert feed.position == 1
    assert len(log.reads) == 2
    assert not feed._early
    log.append(1)
    offer(feed, 2, 2)
    assert feed.position == 2


async def test_a_gap_after_a_head_that_is_not_in_the_log_is_repaired(log: MemoryLog, feed: Feed, until: Until) -> None:
    """What was no gap keeps no later one from its repair: nobody waits for the poll."""
    log.append(1)
    offer(feed, 5, 9)
    await until(lambda: log.reads and feed._repair is None)
    log.append(3)
    offer(feed, 4, 4)
    await until(lambda: feed.position == 4)


# Another history


async def test_entries_of_another_history_are_dropped(log: MemoryLog, feed: Feed, reader: Reader) -> None:
    """Neither in order nor early: two histories never meet on one socket."""
    offer(feed, 1, 1)
    offer(feed, 2, 2, epoch="second")
    offer(feed, 4, 4, epoch="second")
    offer(feed, 2, 2)
    assert reader.written == entries(1, 2)
    assert not feed._early


async def test_a_repair_reads_no_other_history(log: MemoryLog, feed: Feed, reader: Reader, until: Until) -> None:
    """Replaced between two polls: what the log has now is not the continuation of what was read."""
    log.append(3)
    offer(feed, 1, 3)
    log.rooms[1] = log.rooms[1]._replace(epoch="second", seq=9)
    feed.head_is(9)
    await until(lambda: log.reads and feed._repair is None)
    assert reader.written == entries(1, 3)


# Sockets that are not where the feed is


async def test_a_join_behind_is_brought_up(log: MemoryLog, feed: Feed, reader: Reader, until: Until) -> None:
    """From exactly its position, once, and then it is live."""
    log.append(450)
    offer(feed, 1, 450)
    late = Reader()
    feed.attach(late, 20)
    assert feed.position_of(late) == 20
    await until(lambda: late in feed.live)
    offer(feed, 451, 452)
    assert late.seqs == numbers(452, first=21)
    assert feed.position_of(late) == 452
    assert not late.restarted


async def test_what_was_there_before_a_join_is_read_the_asker_s_way(
    log: MemoryLog, feed: Feed, reader: Reader, until: Until
) -> None:
    """What comes later, while it is full or before it is live, is read as for all; so is all of the next join."""
    own: list[int] = []

    async def read(room: int, epoch: str, after: int, limit: int) -> Sequence[bytes]:
        own.append(after)
        return await log.read(room, epoch, after, limit)

    log.append(450)
    offer(feed, 1, 450)
    late = Reader()
    feed.attach(late, 20, Asked(420, read))
    await until(lambda: late in feed.live)
    assert (own, log.reads) == ([20, 220], [(1, 20), (1, 220), (1, 420)])
    late.capacity = late.buffered
    log.append(10)
    offer(feed, 451, 460)
    late.drain(feed, capacity=1_000)
    await until(lambda: late in feed.live)
    assert (own, late.seqs) == ([20, 220], numbers(460, first=21))
    feed.attach(late, 440, Asked(440, read))
    await until(lambda: late in feed.live)
    assert own == [20, 220]
    assert log.reads[-2:] == [(1, 450), (1, 440)]


async def test_a_join_ahead_waits_for_the_feed(log: MemoryLog, feed: Feed, reader: Reader, until: Until) -> None:
    """It has what the feed has not: the feed reads that, and the joiner gets none of it twice."""
    log.append(8)
    ahead = Reader()
    feed.attach(ahead, 4)
    assert feed.position_of(ahead) == 4
    await until(lambda: feed.position == 8)
    assert ahead.seqs == numbers(8, first=5)
    assert reader.seqs == numbers(8)
    offer(feed, 9, 9)
    assert ahead.seqs == numbers(9, first=5)


async def test_a_join_ahead_that_is_full_when_the_feed_passes(log: MemoryLog, feed: Feed, until: Until) -> None:
    """It is caught up when it drains."""
    ahead = Reader(capacity=1)
    ahead.buffered = 1
    log.append(6)
    feed.attach(ahead, 4)
    await until(lambda: feed.position == 6)
    assert ahead.seqs == []
    ahead.drain(feed, capacity=99)
    await until(lambda: ahead in feed.live)
    assert ahead.seqs == [5, 6]


async def test_a_slow_socket_is_set_aside_where_it_stands(
    log: MemoryLog, feed: Feed, reader: Reader, until: Until
) -> None:
    """It gets nothing more while it is full, costs nothing, and continues without a gap or a repeat."""
    slow = Reader(capacity=2)
    feed.attach(slow, 0)
    log.append(12)
    offer(feed, 1, 12)  # four frames
    assert slow.seqs == numbers(6)
    assert feed.position_of(slow) == 6
    assert reader.seqs == numbers(12)
    assert log.counted["slow"] == 1
    slow.drain(feed)
    await until(lambda: not slow.is_writable)
    assert slow.seqs == numbers(12)
    assert log.reads == [(1, 6)]
    slow.drain(feed)
    await until(lambda: slow in feed.live)
    log.append(1)
    offer(feed, 13, 13)
    assert slow.seqs == numbers(13)
    assert slow.while_full == 0


async def test_room_again_is_nothing_to_who_reads_here(feed: Feed, reader: Reader) -> None:
    """A socket was behind in another of its rooms: in this one it is live, and stays."""
    feed.resumed(reader)
    for _ in range(3):
        await asyncio.sleep(0)
    offer(feed, 1, 1)
    assert (reader.seqs, reader.restarted) == ([1], 0)


async def test_catching_up_while_more_and_more_comes(log: MemoryLog, feed: Feed, reader: Reader, until: Until) -> None:
    """The feed moves on during each read; the socket still meets it."""
    log.append(700)
    offer(feed, 1, 700)
    late = Reader()
    feed.attach(late, 0)
    for _ in range(10):
        log.gate.clear()
        reads = len(log.reads)
        await until(lambda before=reads: len(log.reads) > before or late in feed.live)  # type: ignore[misc]
        first, stored = log.append(7)
        offer(feed, first, first + len(stored) - 1)
        log.gate.set()
        await asyncio.sleep(0)
    await until(lambda: late in feed.live)
    assert late.seqs == reader.seqs == numbers(770)


async def test_full_and_drained_while_a_read_is_under_way(log: MemoryLog, feed: Feed, until: Until) -> None:
    """The read that runs goes on: nothing is started twice."""
    log.append(9)
    feed.head_is(9)
    await until(lambda: feed.position == 9)
    late = Reader(capacity=2)
    log.gate.clear()
    feed.attach(late, 0)
    await until(lambda: (1, 0) in log.reads[1:])
    late.buffered = 2
    late.drain(feed)
    late.drain(feed)
    log.gate.set()
    await until(lambda: not late.is_writable)
    assert late.seqs == numbers(6)
    late.drain(feed, capacity=99)
    await until(lambda: late in feed.live)
    assert late.seqs == numbers(9)


async def test_a_hole_in_the_log_makes_the_client_join_again(
    log: MemoryLog, feed: Feed, until: Until, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What follows is not kept: only `joined` can say that it is not the whole.

    Not at the first look: a room that is gone has nothing either, and whoever ended it tells its sockets.
    """
    monkeypatch.setattr(feeds, "RETRY_SECONDS", 0.0)
    log.append(6)
    offer(feed, 1, 6)
    kept = log._entries
    monkeypatch.setattr(log, "_entries", lambda *asked: kept(*asked)[: max(0, 3 - asked[2])])
    late = Reader()
    feed.attach(late, 1)
    await until(lambda: late.restarted)
    assert (late.seqs, late.restarted, late in feed.live) == ([2, 3], 1, False)
    assert log.reads == [(1, 1)] + [(1, 3)] * feeds.EMPTY_READS


async def test_detach_while_catching_up(log: MemoryLog, feed: Feed, until: Until) -> None:
    """Nothing is written after a socket left, and no task is left behind."""
    log.append(3)
    offer(feed, 1, 3)
    log.gate.clear()
    late = Reader()
    feed.attach(late, 0)
    await until(lambda: log.reads)
    feed.detach(late)
    feed.detach(late)
    log.gate.set()
    await until(lambda: asyncio.all_tasks() == {asyncio.current_task()})
    assert late.seqs == []
    assert feed.subscribers == []
    assert not feed._catching


async def test_joining_again_starts_over(log: MemoryLog, feed: Feed, until: Until) -> None:
    """The catch-up of the first joining writes nothing into the second."""
    log.append(5)
    offer(feed, 1, 5)
    log.gate.clear()
    reader = Reader()
    feed.attach(reader, 0)
    await until(lambda: log.reads)
    feed.attach(reader, 3)
    log.gate.set()
    await until(lambda: reader in feed.live)
    assert reader.seqs == [4, 5]
    assert feed.subscribers == [reader]


async def test_a_log_that_is_away_during_a_catch_up(
    log: MemoryLog, feed: Feed, until: Until, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The socket waits, at its position, and goes on where it stood."""
    monkeypatch.setattr(feeds, "RETRY_SECONDS", 0.001)
    log.append(5)
    offer(feed, 1, 5)
    log.is_down = True
    late = Reader()
    feed.attach(late, 2)
    await until(lambda: len(log.reads) > 2)
    assert late.seqs == []
    log.is_down = False
    await until(lambda: late in feed.live)
    assert late.seqs == [3, 4, 5]


async def test_a_catch_up_that_finds_nothing_does_not_spin(log: MemoryLog, feed: Feed, until: Until) -> None:
    """The log lost what the feed has: one read, then a pause, until the poll starts the room over."""
    offer(feed, 1, 5)  # the log has none of it
    late = Reader()
    feed.attach(late, 2)
    await until(lambda: log.reads)
    for _ in range(50):
        await asyncio.sleep(0)
    assert len(log.reads) == 1
    assert late.seqs == []
    assert feed.position_of(late) == 2


async def test_a_catch_up_that_fails_makes_the_client_join_again(
    log: MemoryLog, feed: Feed, until: Until, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A socket that nobody brings up would be deaf for ever."""

    async def broken(*_: object) -> list[bytes]:
        raise RuntimeError("not in the contract")

    offer(feed, 1, 5)
    monkeypatch.setattr(log, "read", broken)
    late = Reader()
    feed.attach(late, 2)
    await until(lambda: late.restarted)
    assert "could not catch up" in caplog.text


async def test_close_ends_every_task(log: MemoryLog, until: Until) -> None:
    """A feed that goes leaves no timer and no read behind."""
    feed = feed_on(log)
    log.append(4)
    log.gate.clear()
    offer(feed, 1, 1)
    feed.attach(Reader(), 0)
    offer(feed, 3, 3)
    feed.head_is(4)
    offer(feed, 4, 4)
    feed.close()
    await until(lambda: asyncio.all_tasks() == {asyncio.current_task()})


async def test_a_feed_that_is_closed_reads_nothing_more(log: MemoryLog, feed: Feed) -> None:
    """Though pieces were missing, however many came before their turn."""
    log.append(6)
    offer(feed, 3, 3)
    offer(feed, 6, 6)
    offer(feed, 1, 2)
    feed.close()
    await asyncio.sleep(feeds.GAP_SECONDS * 2)
    assert not log.reads


async def test_a_gap_behind_a_gap_that_closed_is_repaired_too(
    log: MemoryLog, feed: Feed, reader: Reader, until: Until
) -> None:
    """What came early and is early still waits for its own missing piece, and not for the poll."""
    log.append(6)
    offer(feed, 3, 3)
    offer(feed, 6, 6)
    offer(feed, 1, 2)
    assert reader.seqs == numbers(3)
    await until(lambda: reader.seqs == numbers(6))
    assert log.reads == [(1, 3)]


async def test_a_log_that_is_away_is_one_line_and_no_fault(
    log: MemoryLog, feed: Feed, until: Until, caplog: pytest.LogCaptureFixture
) -> None:
    """The next poll tries again; a task that failed would be told with a traceback each time."""
    log.append(1)
    log.is_down = True
    feed.head_is(1)
    await until(lambda: log.reads and not log.asked)
    for _ in range(3):
        await asyncio.sleep(0)
    gc.collect()
    assert caplog.messages == ["room 1: the log cannot be read; the next poll tries again"]
