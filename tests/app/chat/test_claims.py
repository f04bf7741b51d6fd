"""Who says that a room's log lost entries: believed with a mark of ours, and nobody else's trouble without one."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from django.conf import settings
from django.test import override_settings

from accounts.models import User
from chat import limits
from chat.log import Log, TooManyClaims, read
from chat.log.marks import mark, seq_of
from chat.models import Room
from parley_serving import metrics
from tests.app.chat.conftest import Place

EPOCH = "0123456789abcdef"
Join = Callable[..., Awaitable[read.Joined]]


@pytest.fixture
async def join(log: Log, place: Place) -> Join:
    """Somebody joins the public room, whose log ends at 7."""

    async def join(
        after: int | None = None, epoch: str | None = None, shown: str | None = None, user: User = place.ada
    ) -> read.Joined:
        return await log.join(user=user, slug="hall", after=after, epoch=epoch, mark=shown)

    for number in range(7):
        await log.append(place.draft(f"k-{number}"))
    return join


def claims() -> float:
    """How many were taken."""
    return float(metrics.EVENTS["claims"]._value.get())


async def epoch_of(place: Place) -> str:
    """The name of the room's history now."""
    return (await Room.objects.aget(pk=place.room.pk)).epoch


@pytest.mark.parametrize(
    "shown", [None, "", "x", "1007", "1007.", "forged", "of another room", "of another history", "behind"]
)
async def test_a_number_alone_costs_the_others_nothing(place: Place, join: Join, shown: str) -> None:
    """Whoever says it starts again, alone: with the newest entries, in the same history, and can resume from there."""
    head = place.room.pk, place.room.epoch
    shown = {
        "forged": f"1007.{'0' * 32}",
        "of another room": mark(place.closed.pk, place.room.epoch, 1007),
        "of another history": mark(place.room.pk, EPOCH, 1007),
        "behind": mark(*head, 7),
    }.get(shown, shown)
    before = claims()
    joined = await join(1007, place.room.epoch, shown)
    assert (joined.recovered, joined.head, joined.position, len(joined.entries)) == (False, (place.room.epoch, 7), 7, 7)
    assert (await join(3, place.room.epoch)).recovered
    assert (await epoch_of(place), claims()) == (place.room.epoch, before)


async def test_a_mark_beyond_the_log_s_end_ends_the_history(place: Place, join: Join) -> None:
    """The log was replaced by an older one: nobody resumes across that, ever."""
    before = claims()
    joined = await join(9, place.room.epoch, mark(place.room.pk, place.room.epoch, 8))
    assert (joined.recovered, joined.head.seq, len(joined.entries)) == (False, 7, 7)
    assert joined.head.epoch != place.room.epoch
    assert not (await join(3, place.room.epoch)).recovered
    assert (await join(3, joined.head.epoch)).recovered
    assert (await join()).head.epoch == joined.head.epoch
    assert claims() == before + 1


async def test_a_position_comes_with_its_mark(log: Log, place: Place, join: Join) -> None:
    """With `joined`, and with each frame of entries for its last one: what proves a loss after a restore."""
    joined = await join(2, place.room.epoch)
    assert seq_of(joined.mark, place.room.pk, place.room.epoch) == joined.position == 7
    where = place.room.pk, "hall", place.room.epoch
    frames = log.frames(*where, 7, [b'{"seq":8}', b'{"seq":9}' + b" " * limits.SERVER_FRAME_BYTES])
    marks = [mark(place.room.pk, place.room.epoch, seq) for seq in (8, 9)]
    assert [one.encode() in frame.payload for frame, one in zip(frames, marks, strict=True)] == [True, True]


async def test_all_who_come_back_at_once_need_one_claim(place: Place, join: Join) -> None:
    """More than are taken in a minute: the rest come after a history that has ended."""
    shown = mark(place.room.pk, place.room.epoch, 9)
    before = claims()
    joined = await asyncio.gather(*(join(9, place.room.epoch, shown) for _ in range(4 * limits.CLAIMS)))
    people = [await User.objects.acreate(username=f"p-{number}") for number in range(4 * limits.CLAIMS)]
    joined += await asyncio.gather(*(join(9, place.room.epoch, shown, one) for one in people))
    assert len({one.head.epoch for one in joined} - {place.room.epoch}) == 1
    assert claims() == before + 1


async def test_one_person_s_claims_leave_the_room_s_to_others(
    place: Place, join: Join, caplog: pytest.LogCaptureFixture
) -> None:
    """Even with marks: one person's are counted first, then all of the room's; who comes without one is let in."""

    async def claim(user: User) -> None:
        epoch = await epoch_of(place)
        await join(9, epoch, mark(place.room.pk, epoch, 9), user)

    for _ in range(limits.CLAIMS_PER_PERSON):
        await claim(place.ada)
    for _ in range(3 * limits.CLAIMS):
        with pytest.raises(TooManyClaims) as refused:
            await claim(place.ada)
    assert 0 < refused.value.seconds <= limits.CLAIM_SECONDS
    assert f"person {place.ada.pk} claims too often" in caplog.text
    for number in range(limits.CLAIMS - limits.CLAIMS_PER_PERSON):
        await claim(await User.objects.acreate(username=f"p-{number}"))
    epoch = await epoch_of(place)
    with pytest.raises(TooManyClaims):
        await claim(place.bob)
    assert (await join(user=place.bob)).head.epoch == epoch


def test_a_mark_outlives_a_change_of_the_key() -> None:
    """For as long as the old one is among the fallbacks; and it is no other signature of this site."""
    shown = mark(3, EPOCH, 12)
    assert len(shown) <= limits.MARK_CHARACTERS
    assert seq_of(shown, 3, EPOCH) == 12
    with override_settings(SECRET_KEY="n" * 60, SECRET_KEY_FALLBACKS=[settings.SECRET_KEY]):
        assert seq_of(shown, 3, EPOCH) == 12
        assert mark(3, EPOCH, 12) != shown
    with override_settings(SECRET_KEY="n" * 60, SECRET_KEY_FALLBACKS=[]):
        assert seq_of(shown, 3, EPOCH) == 0
    changed = [shown.replace("12", "13"), f"0{shown}", f" {shown}", f"{shown}0", "९.x", "-1.x"]
    assert [seq_of(one, 3, EPOCH) for one in changed] == [0] * len(changed)
