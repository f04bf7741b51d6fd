"""Who is behind a socket, while something else happens: sessions and rooms that end in the middle."""

import asyncio
import threading
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
from asgiref.sync import sync_to_async
from django.db import OperationalError

from accounts.models import Revocation, User
from accounts.selectors import sessions_expire
from chat import person
from chat.log import DatabaseThread, TooManyClaims, Unavailable
from chat.models import Membership
from chat.runtime import Runtime, runtime
from chat.selectors import NoSuchRoom, NotAllowed
from chat.watch import BANNED
from realtime.ending import end
from tests.app.chat.conftest import Place
from tests.app.chat.seat import seated

Until = Callable[[Callable[[], object]], Awaitable[None]]


@pytest.fixture
async def running(place: Place) -> AsyncIterator[Runtime]:
    """This loop's runtime, its watch turned by hand."""
    made = runtime()
    await end([made._watching])
    yield made
    await made.stop()


class Held:
    """A thread of the log's, held up until all that matters is asked of it."""

    def __init__(self, thread: DatabaseThread) -> None:
        self.thread = thread
        self.go = threading.Event()
        held = threading.Event()
        thread.submit(lambda: (held.set(), self.go.wait(10)), lambda _: None)
        assert held.wait(10)

    async def asked(self, number: int) -> None:
        """Wait until so much is asked of it."""
        async with asyncio.timeout(10):
            while self.thread._queue.qsize() < number:  # noqa: ASYNC110 (another thread's queue)
                await asyncio.sleep(0)

    def go_on(self) -> None:
        """Let it do all of it, and keep the loop from hearing of any before the last is done."""
        done = threading.Event()
        self.thread.submit(done.set, lambda _: None)
        self.go.set()
        assert done.wait(10)


@pytest.mark.parametrize("restricted", [False, True])
async def test_who_is_taken_out_while_joining_is_not_let_in(
    running: Runtime, place: Place, until: Until, *, restricted: bool
) -> None:
    """The watch does not know of a room that the socket is about to join, and looks at each revocation once."""
    seat = await seated(place.ada)
    await running.watch._turn()
    reader = Held(running.log._reader)
    joining = asyncio.create_task(seat.say("join", room="closed"))
    await reader.asked(1)
    membership = Membership.objects.filter(room=place.closed, user=place.ada)

    def take_out() -> None:
        if restricted:
            membership._raw_delete(membership.db)  # without the signal, as from a shell
            Revocation.objects.create(reason=Revocation.Reason.RESTRICTED, room=place.closed.pk)
        else:
            membership.delete()

    taking = asyncio.create_task(running.log.ask(take_out))
    await reader.asked(2)
    turning = asyncio.create_task(running.watch._turn())
    await reader.asked(3)
    reader.go_on()
    await asyncio.gather(joining, taking, turning)
    assert seat.consumer.rooms == set()
    await until(lambda: seat.said("error"))
    assert [frame["code"] for frame in seat.said("error")] == ["not_allowed"]
    seat.leave()


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
    frames = [
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


REFUSED = {
    "unavailable": Unavailable("away"),
    "rate_limited": TooManyClaims(60),
    "not_allowed": NotAllowed("hall"),
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
    running.tell_typing(running.process.hub.feeds[place.room.pk], place.bob.pk, "Bob")
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
