"""Who is behind a socket, while something else happens: sessions and rooms that end in the middle."""

import asyncio
import threading
from collections.abc import AsyncIterator, Awaitable, Callable
from functools import partial
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.db import DataError, OperationalError
from prometheus_client import REGISTRY

from accounts.models import Revocation, User
from accounts.selectors import sessions_expire
from accounts.services import person_ban
from accounts.sessions import session_open
from chat import person
from chat.log import DatabaseThread, TooManyClaims, Unavailable
from chat.models import Entry, Membership, Room
from chat.revocation_watcher import BANNED, NO_SESSION
from chat.runtime import Runtime, runtime
from chat.selectors import NoSuchRoom
from parley_serving.cancellation import end
from tests.app.chat.conftest import Place
from tests.app.chat.seat import seated
from tests.waiting import PATIENCE

Until = Callable[[Callable[[], object]], Awaitable[None]]


@pytest.fixture
async def running(place: Place) -> AsyncIterator[Runtime]:
    """This loop's runtime, its watch turned by hand."""
    made = runtime()
    await end([made._watching])
    await made.watch._turn()
    yield made
    await made.stop()


class Held:
    """A thread of the log's, held up until all that matters is asked of it."""

    def __init__(self, thread: DatabaseThread) -> None:
        self.thread = thread
        self.go = threading.Event()
        held = threading.Event()

        def hold() -> None:
            held.set()
            self.go.wait(10)

        thread.submit(hold, lambda _: None)
        assert held.wait(10)

    async def asked(self, number: int) -> None:
        """Wait until so much is asked of it."""
        async with asyncio.timeout(PATIENCE):
            while self.thread._queue.qsize() < number:  # noqa: ASYNC110 (another thread's queue)
                await asyncio.sleep(0)

    def go_on(self) -> None:
        """Let it do all of it, and keep the loop from hearing of any before the last is done."""
        done = threading.Event()
        self.thread.submit(done.set, lambda _: None)
        self.go.set()
        assert done.wait(10)


def refused(code: str) -> float:
    """How many frames were answered with that error so far."""
    return REGISTRY.get_sample_value("parley_refused_total", {"code": code}) or 0.0


@pytest.mark.parametrize("restricted", [False, True])
async def test_who_is_taken_out_while_joining_is_not_let_in(
    running: Runtime, place: Place, until: Until, monkeypatch: pytest.MonkeyPatch, *, restricted: bool
) -> None:
    """The watch does not know of a room that the socket is about to join, and looks at each revocation once."""
    seat = await seated(place.ada)
    joins, was_read, go = running.log._joins._read, threading.Event(), threading.Event()

    def read_and_hold(asked: Any) -> Any:
        answers = joins(asked)
        was_read.set()
        assert go.wait(10)
        return answers

    monkeypatch.setattr(running.log._joins, "_read", read_and_hold)
    joining = asyncio.create_task(seat.say("join", room="closed"))
    await until(was_read.is_set)
    membership = Membership.objects.filter(room=place.closed, user=place.ada)

    def take_out() -> None:
        if restricted:
            membership._raw_delete(membership.db)  # without the signal, as from a shell
            Revocation.objects.create(reason=Revocation.Reason.RESTRICTED, room=place.closed.pk)
        else:
            membership.delete()

    await running.log.ask(take_out)
    await running.watch._turn()
    before = refused("no_such_room")
    go.set()
    await joining
    assert seat.consumer.rooms == set()
    await until(lambda: seat.said("error"))
    assert [frame["code"] for frame in seat.said("error")] == ["no_such_room"]
    assert refused("no_such_room") == before + 1, "/metrics says how many"
    seat.leave()


async def test_a_ban_waits_for_no_reader(running: Runtime, place: Place, until: Until) -> None:
    """However much is being read: the watch has a thread of its own, and so have the poll and a claim."""
    seat = await seated(place.ada)
    await seat.say("join", room="hall")
    reader = Held(running.log._reader)
    serving = asyncio.create_task(seat.say("history", room="hall", before=1))
    await reader.asked(1)
    await User.objects.filter(pk=place.ada.pk).aupdate(banned=True)
    seat.consumer.due = 0.0
    await running.watch._turn()
    await until(lambda: seat.codes == [BANNED])
    assert (await running.log.heads([place.room.pk]))[place.room.pk].seq == 0
    await running.log.renew(place.room.pk, place.room.epoch, 1)
    assert not serving.done()
    reader.go_on()
    await serving
    seat.leave()


async def test_nobody_enters_before_the_watch_has_begun(
    place: Place, until: Until, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It looks for what is newer than its first reading: who came in before that and was taken out would stay."""
    monkeypatch.setattr("chat.revocation_watcher.BEGIN_SECONDS", 0.0)
    running = runtime()
    watcher = Held(running.log._watcher)
    seat = await seated(place.ada)
    await seat.say("join", room="hall", ref=1)
    await until(lambda: [frame["code"] for frame in seat.said("error")] == ["unavailable"])
    watcher.go_on()
    await until(running.watch._begun.is_set)
    await seat.say("join", room="hall", ref=2)
    await until(lambda: [frame["ref"] for frame in seat.said("joined")] == [2])
    seat.leave()
    await running.stop()


async def test_log_out_that_could_not_be_stored_is_none(
    running: Runtime, place: Place, until: Until, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who tries again ends the session they had, not one that the first try made."""
    seat = await seated(place.ada)
    session = seat.consumer.session

    def away(*, key: str) -> None:
        raise OperationalError(f"the database is away, and {key} stays")

    with monkeypatch.context() as patch:
        patch.setattr(person, "session_end", away)
        await seat.say("logout")
    await running.watch._turn()
    assert (seat.consumer.session, seat.consumer.person, seat.codes) == (session, place.ada.pk, [])
    await seat.say("logout")
    await running.watch._turn()
    await until(lambda: len(seat.said("welcome")) == 2)
    assert (seat.said("welcome")[1]["you"]["guest"], seat.codes) == (True, [])
    assert session not in await sync_to_async(sessions_expire)([session])
    seat.leave()


async def test_log_out_makes_no_guest_where_somebody_was_banned(running: Runtime, place: Place, until: Until) -> None:
    """No new one comes from that address: the socket ends as where guests are not let in."""
    seat = await seated(place.ada)
    seat.consumer.scope["client"] = ("192.0.2.7", 0)
    await sync_to_async(session_open)(user=place.bob, address="192.0.2.7")
    await sync_to_async(person_ban)(person=place.bob, banned=True)
    session = seat.consumer.session
    await seat.say("logout")
    await until(lambda: seat.codes)
    assert (seat.codes, len(seat.said("welcome"))) == ([NO_SESSION], 1)
    assert session not in await sync_to_async(sessions_expire)([session])
    seat.leave()


async def test_nothing_of_a_room_follows_its_left(running: Runtime, place: Place, until: Until) -> None:
    """Whoever asks for the room again, and is not let in, has not come back to it."""
    seat = await seated(place.ada)
    await seat.say("join", room="closed")
    await running.watch._turn()
    writer = Held(running.log._writer)
    await seat.say("send", room="closed", key="k", text="still allowed")
    await writer.asked(1)
    await running.log.ask(lambda: Membership.objects.filter(room=place.closed).delete())
    await running.watch._turn()
    await seat.say("join", room="closed")
    writer.go_on()
    await seat.consumer.sends_answered()
    await until(lambda: seat.said("error"))
    told = [(frame["type"], frame.get("key")) for frame in seat.frames if frame["type"] != "presence"]
    assert told == [("welcome", None), ("joined", None), ("left", None), ("error", None)]
    seat.leave()


async def test_what_waits_to_be_read_when_a_socket_is_ended_is_not_read(running: Runtime, place: Place) -> None:
    """One frame may wait for the database while others are behind it; a ban must not let these through."""
    seat = await seated(place.ada)
    await seat.say("join", room="hall")
    reader = Held(running.log._reader)
    frames: list[dict[str, Any]] = [
        {"type": "history", "room": "hall", "before": 1},
        *({"type": "send", "room": "hall", "key": str(n), "text": "!"} for n in range(3)),
    ]
    serving = asyncio.create_task(seat.serve(frames))
    await reader.asked(1)
    seat.consumer.end(BANNED)
    reader.go_on()
    await serving
    await seat.consumer.sends_answered()
    assert await sync_to_async(place.room.entries.count)() == 0


async def test_what_the_database_cannot_hold_is_a_bad_field(
    running: Runtime, place: Place, until: Until, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not `unavailable`, which the client would repeat for ever; the socket goes on."""

    def too_long(**_: object) -> None:
        raise DataError("value too long for type character varying(150)")

    monkeypatch.setattr("chat.runtime.credentials_check", too_long)
    seat = await seated(place.ada)
    await seat.say("login", username="bob", password="x", ref=7)
    await seat.say("ping")
    await until(lambda: seat.said("pong"))
    (error,) = seat.said("error")
    assert (error["code"], error["ref"], len(seat.said("pong")), seat.codes) == ("bad_field", 7, 1, [])
    seat.leave()


REFUSED = {
    "unavailable": Unavailable("away"),
    "rate_limited": TooManyClaims(60),
    "no_such_room": NoSuchRoom("hall"),
}


@pytest.mark.parametrize("code", REFUSED)
async def test_a_join_that_is_refused_says_that_it_has_left_the_room(
    running: Runtime, place: Place, until: Until, monkeypatch: pytest.MonkeyPatch, code: str
) -> None:
    """After the answers to what was sent, and with nothing of the room behind it; who was not in it has not left."""
    seat = await seated(place.ada)

    async def refuse(**_: object) -> None:
        raise REFUSED[code]

    with monkeypatch.context() as patch:
        patch.setattr(running.log, "join", refuse)
        await seat.say("join", room="hall", ref=0)
    assert seat.said("left") == []
    await seat.say("join", room="hall", ref=1)
    writer = Held(running.log._writer)
    await seat.say("send", room="hall", key="k", text="sent before", ref=2)
    await writer.asked(1)
    monkeypatch.setattr(running.log, "join", refuse)
    joining = asyncio.create_task(seat.say("join", room="hall", ref=3))
    await until(lambda: len(seat.said("error")) == 2)
    writer.go_on()
    await joining
    assert seat.consumer.rooms == set()
    running.typing.tell(running.process.hub.feeds[place.room.pk], place.bob.pk, "Bob")
    await seat.say("ping", ref=4)
    await until(lambda: seat.said("pong"))
    told = [(frame["type"], frame.get("ref")) for frame in seat.frames if frame["type"] not in {"welcome", "presence"}]
    assert told == [("error", 0), ("joined", 1), ("error", 3), ("sent", 2), ("left", None), ("pong", 4)]
    assert [frame["code"] for frame in seat.said("error")] == [code, code]
    assert seat.said("left") == [{"type": "left", "room": "hall", "reason": "refused"}]
    assert seat.said("pong")[0]["heads"] == {}
    seat.leave()


async def test_another_name_is_on_what_is_written_next(running: Runtime, place: Place, until: Until) -> None:
    """And in the rooms' people, for who is there and for who comes."""
    seat, other = await seated(place.ada), await seated(place.bob)
    for one in (seat, other):
        await one.say("join", room="hall")
    again = await User.objects.aget(pk=place.ada.pk)
    again.name = "Countess"
    await again.asave()
    await running.watch._turn()
    await seat.say("typing", room="hall")
    await seat.say("send", room="hall", key="k", text="as a countess")
    await until(lambda: other.said("entries"))
    (entry,) = other.said("entries")[0]["entries"]
    named = {"id": place.ada.pk, "name": "Countess"}
    assert entry["author"] == other.said("typing")[0]["who"] == named
    await until(lambda: any(named in frame.get("joined", []) for frame in other.said("presence")))
    await other.say("join", room="hall")
    await until(lambda: len(other.said("joined")) == 2)
    assert named in other.said("joined")[-1]["present"]
    assert (seat.codes, seat.said("left")) == ([], [])
    for one in (seat, other):
        one.leave()


async def test_a_guest_is_one_whatever_the_name(running: Runtime, place: Place, until: Until) -> None:
    """In the people who are there and who come, in what they write, live and read back."""
    await Room.objects.filter(pk=place.room.pk).aupdate(guests=True)
    guest = await sync_to_async(User.objects.create_guest)(name=place.ada.name)
    ada, bob = await seated(place.ada), await seated(place.bob)
    for one in (bob, ada):
        await one.say("join", room="hall")
    forged = await seated(guest)
    await forged.say("join", room="hall")
    wrote = {"id": guest.pk, "name": "Ada", "guest": True}
    real = {"id": place.ada.pk, "name": "Ada"}
    for seat, key in ((forged, "f"), (ada, "r")):
        await seat.say("send", room="hall", key=key, text="It is me")
        await until(partial(seat.said, "sent"))
    await until(lambda: sum(len(frame["entries"]) for frame in bob.said("entries")) == 2)
    live = [entry["author"] for frame in bob.said("entries") for entry in frame["entries"]]
    await bob.say("history", room="hall", before=99)
    await until(lambda: bob.said("history"))
    # As what was written before it was stored who was a guest.
    await Entry.objects.filter(room=place.room).aupdate(guest=None)
    await bob.say("history", room="hall", before=99)
    await until(lambda: len(bob.said("history")) == 2)
    read = [[entry["author"] for entry in page["entries"]] for page in bob.said("history")]
    assert [live, *read] == [[wrote, real]] * 3
    await until(lambda: any(wrote in frame.get("joined", []) for frame in bob.said("presence")))
    assert wrote in forged.said("joined")[0]["present"]
    assert real in forged.said("joined")[0]["present"]
    forged.leave()
    await until(lambda: any(wrote in frame.get("left", []) for frame in bob.said("presence")))
    for one in (ada, bob):
        one.leave()
