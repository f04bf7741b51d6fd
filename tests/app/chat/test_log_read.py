"""Joins, pages and repairs: what is read is whole, or said not to be."""

import json
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.utils import timezone

from accounts.models import User
from chat import frames, limits
from chat.log import Log, read
from chat.log.marks import mark
from chat.models import Entry, Room
from chat.selectors import NoSuchRoom
from tests.app.chat.conftest import Place


def fill(place: Place, number: int, text: str = "hello") -> Room:
    """Put `number` entries into the public room."""
    start = place.room.head
    Entry.objects.bulk_create(
        Entry(
            room=place.room, seq=seq, author=place.ada, author_name="Ada", key=f"k-{seq}", text=text, at=timezone.now()
        )
        for seq in range(start + 1, start + number + 1)
    )
    place.room.head = start + number
    place.room.save(update_fields=["head"])
    return place.room


def join(place: Place, after: int | None = None, epoch: str | None = None) -> read.Joined:
    """Ada joins the public room."""
    return joined(place.ada, "hall", after, epoch)


def joined(user: User, slug: str, after: int | None = None, epoch: str | None = None) -> read.Joined:
    """Somebody joins a room, alone in the batch."""
    asked = read.Asked(user, slug, after, epoch)
    answer = read.joins([asked])[asked]
    if isinstance(answer, Exception):
        raise answer
    return answer


def seqs(entries: list[bytes]) -> list[int]:
    """Their numbers."""
    return [json.loads(entry)["seq"] for entry in entries]


def numbers(first: int, last: int) -> list[int]:
    """first…last."""
    return list(range(first, last + 1))


def test_an_empty_room(place: Place) -> None:
    """Nothing, from the beginning, and that is whole."""
    joined = join(place)
    assert (joined.entries, joined.position, joined.head.seq, joined.recovered) == ([], 0, 0, False)
    joined = join(place, after=0, epoch=place.room.epoch)
    assert (joined.entries, joined.position, joined.recovered) == ([], 0, True)


@pytest.mark.parametrize(("after", "epoch"), [(None, None), (None, "right"), (100, None), (100, "wrong")])
def test_without_a_place_in_this_history_the_newest_50(place: Place, after: int | None, epoch: str | None) -> None:
    """`after` alone says nothing: it may be of another history."""
    room = fill(place, 120)
    joined = join(place, after, room.epoch if epoch == "right" else epoch)
    assert not joined.recovered
    assert seqs(joined.entries) == numbers(71, 120)
    assert joined.position == joined.head.seq == 120
    assert joined.head.epoch == room.epoch


@pytest.mark.parametrize(("after", "first"), [(0, 1), (60, 61), (119, 120)])
def test_a_resume_gets_all_it_missed(place: Place, after: int, first: int) -> None:
    """Also more than the newest 50."""
    room = fill(place, 120)
    joined = join(place, after, room.epoch)
    assert joined.recovered
    assert seqs(joined.entries) == numbers(first, 120)
    assert joined.position == 120


def test_a_resume_with_nothing_missed(place: Place) -> None:
    """Recovered, and no entries."""
    room = fill(place, 5)
    joined = join(place, 5, room.epoch)
    assert (joined.entries, joined.position, joined.recovered) == ([], 5, True)


def test_a_resume_above_500_goes_on_in_entries(place: Place) -> None:
    """`joined` ends at its position; the feed brings the rest."""
    room = fill(place, 620)
    joined = join(place, 10, room.epoch)
    assert joined.recovered
    assert seqs(joined.entries) == numbers(11, 510)
    assert (joined.position, joined.head.seq) == (510, 620)


def test_a_hole_is_never_passed_off_as_the_whole(place: Place) -> None:
    """Entries that are no longer kept: not recovered, and the newest instead."""
    room = fill(place, 100)
    Entry.objects.filter(room=room, seq=20).delete()
    joined = join(place, 10, room.epoch)
    assert not joined.recovered
    assert seqs(joined.entries) == numbers(51, 100)
    assert join(place, 20, room.epoch).recovered


def test_a_joined_frame_is_within_its_size_with_everybody_in_it(place: Place) -> None:
    """256 KiB with 100 people of the longest names, the longest title, and texts that fill the rest."""
    fill(place, 300, text="😀" * 1_000)
    joined = join(place, 0, place.room.epoch)
    assert joined.recovered
    assert joined.position == len(joined.entries) < 300
    names = {2**53 - number: "😀" * 40 for number in range(100)}
    present = frames.people(names, guests=names)
    fields: dict[str, Any] = {
        "room": "r" * 64, "title": '"' * 80, "epoch": "e" * 16, "head": 2**53, "recovered": True, "count": 10**6,
        "present": present, "ref": "😀" * 64, "mark": "m" * limits.MARK_CHARACTERS,
    }  # fmt: skip
    assert len(frames.with_entries("joined", joined.entries, **fields)) <= limits.SERVER_FRAME_BYTES
    entries = joined.entries
    while rest := read.entries_after(place.room.pk, len(entries), 1_000, epoch=place.room.epoch):
        assert len(frames.with_entries("entries", rest, room="r" * 64, mark="m" * 64)) <= limits.SERVER_FRAME_BYTES
        entries = entries + rest
    assert seqs(entries) == numbers(1, 300)


def test_the_newest_50_that_do_not_fit_begin_at_the_oldest_of_them(place: Place) -> None:
    """What does not fit follows: never a gap inside what a socket has."""
    fill(place, 80, text="😀" * 4_000)
    joined = join(place)
    assert seqs(joined.entries) == numbers(31, 30 + len(joined.entries))
    assert joined.position == 30 + len(joined.entries) < 80


def test_pages_of_history(place: Place) -> None:
    """Ascending, the newest before the one asked, and whether there is more."""
    fill(place, 120)

    def page(before: int, limit: int) -> tuple[list[int], bool]:
        found = read.page(user=place.ada, slug="hall", before=before, limit=limit)
        return seqs(found.entries), found.more

    assert page(71, 50) == (numbers(21, 70), True)
    assert page(21, 20) == (numbers(1, 20), False)
    assert page(21, 19) == (numbers(2, 20), True)
    assert page(1, 50) == ([], False)
    assert page(2**53, 200) == (numbers(1, 120), False)


def test_a_page_of_large_texts_keeps_the_newest(place: Place) -> None:
    """It stops early, and says that there is more: the next page continues where it ended."""
    fill(place, 60, text="😀" * 4_000)
    first = read.page(user=place.ada, slug="hall", before=61, limit=50)
    assert first.more
    assert seqs(first.entries) == numbers(61 - len(first.entries), 60)
    assert len(frames.with_entries("history", first.entries, room="hall", more=True)) <= limits.SERVER_FRAME_BYTES
    second = read.page(user=place.ada, slug="hall", before=61 - len(first.entries), limit=50)
    assert seqs(second.entries)[-1] == 60 - len(first.entries)


def test_who_may_not_read_is_not_told_why(place: Place) -> None:
    """The query goes through the reader's own rows."""
    for reading in (
        joined,
        lambda user, slug: read.page(user=user, slug=slug, before=5, limit=5),
    ):
        with pytest.raises(NoSuchRoom):
            reading(place.ada, "nowhere")
        with pytest.raises(NoSuchRoom):
            reading(place.bob, "closed")
        with pytest.raises(NoSuchRoom):
            reading(place.guest, "hall")
        User.objects.filter(pk=place.bob.pk).update(banned=True)
        with pytest.raises(NoSuchRoom):
            reading(User.objects.get(pk=place.bob.pk), "hall")
        User.objects.filter(pk=place.bob.pk).update(banned=False)
        assert reading(place.ada, "closed")


def test_a_repair_reads_one_history_up_to_its_first_hole(place: Place) -> None:
    """What comes after a hole is not the continuation of what came before it."""
    room = fill(place, 20)
    assert seqs(read.entries_after(room.pk, 5, 4, epoch=room.epoch)) == numbers(6, 9)
    assert read.entries_after(room.pk, 20, 4, epoch=room.epoch) == []
    assert read.entries_after(room.pk, 5, 4, epoch="another") == []
    Entry.objects.filter(room=room, seq=8).delete()
    assert seqs(read.entries_after(room.pk, 5, 10, epoch=room.epoch)) == [6, 7]
    assert read.entries_after(room.pk, 7, 10, epoch=room.epoch) == []


def test_heads_and_renewal(place: Place) -> None:
    """A room that is gone has no head; a history is renewed only while it is the one that was seen."""
    room = fill(place, 3)
    assert read.heads([room.pk, place.closed.pk, 987_654]) == {
        room.pk: (room.epoch, 3),
        place.closed.pk: (place.closed.epoch, 0),
    }
    read.renew(room.pk, room.epoch, below=3)
    read.renew(room.pk, "another", below=9)
    assert read.heads([room.pk])[room.pk].epoch == room.epoch
    read.renew(room.pk, room.epoch, below=4)
    assert read.heads([room.pk])[room.pk].epoch != room.epoch


async def test_the_log_gives_pages(log: Log, place: Place) -> None:
    """In its reader's thread, as `page` reads them."""
    await sync_to_async(fill)(place, 9)
    page = await log.page(user=place.ada, slug="hall", before=8, limit=3)
    assert (seqs(page.entries), page.more) == ([5, 6, 7], True)


def test_entries_go_into_as_few_frames_as_their_size_allows() -> None:
    """Whoever catches up reads all of them, in order, and knows by each frame how far it is."""
    log = Log(lambda _: None)
    entries = [json.dumps({"seq": seq, "text": "x" * 100_000}).encode() for seq in range(1, 6)]
    made = log.frames(7, "hall", "e", 10, entries)
    assert [frame.entries for frame in made] == [2, 2, 1]
    carried = [json.loads(frame.payload) for frame in made]
    assert {(one["type"], one["room"]) for one in carried} == {("entries", "hall")}
    assert [entry["seq"] for one in carried for entry in one["entries"]] == [1, 2, 3, 4, 5]
    assert [one["mark"] for one in carried] == [mark(7, "e", seq) for seq in (12, 14, 15)]
    assert log.frames(7, "hall", "e", 10, []) == []
