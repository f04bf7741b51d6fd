"""Entries of a busy room leave together; a lone one waits for nothing."""

import asyncio

from realtime.coalescer import ALONE_WRITES
from realtime.feed import Feed
from tests.app.realtime.fakes import EPOCH, MemoryLog, Reader, offer
from tests.app.realtime.virtual import VirtualLoop
from tests.waiting import PATIENCE

WAIT = 0.05  # ten times the real wait, so that what is tested is the order and not the clock


class Framed(Reader):
    """A reader that counts frames."""

    def __init__(self) -> None:
        super().__init__()
        self.frames = 0

    def write(self, frame: object) -> None:
        self.frames += 1
        super().write(frame)  # type: ignore[arg-type]


def busy_feed() -> tuple[Feed, Framed]:
    """A feed with a reader."""
    log = MemoryLog()
    feed = Feed(room=1, name="lobby", epoch=EPOCH, position=0, source=log, count=log.count, company_seconds=WAIT)
    reader = Framed()
    feed.attach(reader, 0)
    return feed, reader


async def held(feed: Feed) -> None:
    """Wait until nothing is held."""
    async with asyncio.timeout(PATIENCE):
        while feed.accepted != feed.position:  # noqa: ASYNC110 (a feed tells nobody that it wrote)
            await asyncio.sleep(0.001)


async def test_a_lone_entry_waits_for_nothing() -> None:
    """The first after a quiet moment is written within the same call."""
    feed, reader = busy_feed()
    offer(feed, 1, 1)
    assert reader.seqs == [1]


async def test_what_follows_closely_leaves_together() -> None:
    """One frame for all that came within the wait, in order."""
    feed, reader = busy_feed()
    for seq in range(1, 6):
        offer(feed, seq, seq)
    assert (reader.seqs, feed.accepted) == ([1], 5)
    await held(feed)
    assert reader.seqs == [1, 2, 3, 4, 5]
    assert reader.frames == 3  # one alone, and four in frames of at most three


async def test_a_repeat_of_what_is_held_is_dropped() -> None:
    """Held entries are seen entries."""
    feed, reader = busy_feed()
    for first, last in ((1, 1), (2, 3), (2, 3), (1, 4)):
        offer(feed, first, last)
    await held(feed)
    assert reader.seqs == [1, 2, 3, 4]


async def test_who_joins_meanwhile_gets_all_of_it() -> None:
    """A join flushes, and stands where the feed does; one that is ahead is taken along."""
    feed, reader = busy_feed()
    offer(feed, 1, 1)
    offer(feed, 2, 3)
    late, ahead = Framed(), Framed()
    feed.attach(late, 3)
    assert reader.seqs == [1, 2, 3]
    offer(feed, 4, 4)
    feed.attach(ahead, 4)
    offer(feed, 5, 5)
    await held(feed)
    assert (late.seqs, ahead.seqs) == ([4, 5], [5])


async def test_a_wait_that_brought_nobody_is_not_repeated() -> None:
    """One message after the other, each sent when the one before came: those do not wait, but for one in many."""
    feed, reader = busy_feed()
    seq, waited = 1, []
    for _ in range(200):
        offer(feed, seq, seq)
        waited.append(reader.seqs[-1:] != [seq])
        await held(feed)
        seq += 1
    assert sum(waited) < 12
    assert sum(waited[-ALONE_WRITES:]) <= 1


def test_company_ends_a_row_of_vain_waits() -> None:
    """A room that was quiet and is busy again coalesces at once, and not after as many lone writes as before."""
    loop = VirtualLoop()
    with loop.inside():
        feed, _ = busy_feed()

    def waits() -> bool:
        """Offer one entry more, and say whether it is held."""
        with loop.inside():
            offer(feed, feed.accepted + 1, feed.accepted + 1)
        return feed.accepted != feed.position

    assert not waits()
    for alone in (2, 4):
        assert waits()
        loop.wait(WAIT)
        assert [waits() for _ in range(alone)] == [False] * alone
    assert [waits(), waits()] == [True, True]
    loop.wait(WAIT)
    assert waits(), "the wait before brought others"
    loop.wait(WAIT)
    assert [waits() for _ in range(3)] == [False, False, True]
    loop.end()


async def test_a_feed_that_is_closed_writes_nothing_more() -> None:
    """Its timer goes with it."""
    feed, reader = busy_feed()
    offer(feed, 1, 1)
    offer(feed, 2, 2)
    feed.close()
    await asyncio.sleep(2 * WAIT)  # longer than anything could still be waiting
    assert reader.seqs == [1]
