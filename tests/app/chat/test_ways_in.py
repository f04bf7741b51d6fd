"""What a socket's log-ins, log-outs and guests wait for, and how many people they make."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
from django.db import OperationalError

from accounts import limits
from accounts.models import Revocation, User
from accounts.queues import LOG_INS
from accounts.services import guests_arrive
from chat import arrivals
from chat.runtime import Runtime, runtime
from parley_serving.turns import Bound, Turns
from tests.app.chat.conftest import Place
from tests.app.chat.seat import seated
from tests.app.chat.test_person import Held

Until = Callable[[Callable[[], object]], Awaitable[None]]


@pytest.fixture
async def running(place: Place) -> AsyncIterator[Runtime]:
    """This loop's runtime."""
    made = runtime()
    yield made
    await made.stop()


async def test_a_log_out_waits_behind_no_password(running: Runtime, place: Place, until: Until) -> None:
    """However many are being checked."""
    seat = await seated(place.ada)
    passwords = Held(running._passwords)
    await asyncio.wait_for(seat.say("logout"), 10)
    await until(lambda: len(seat.said("welcome")) == 2)
    assert [frame["you"]["guest"] for frame in seat.said("welcome")] == [False, True]
    passwords.go_on()
    seat.leave()


async def test_log_outs_make_no_more_people_than_their_address_may(
    running: Runtime, place: Place, monkeypatch: pytest.MonkeyPatch, until: Until
) -> None:
    """The session ends all the same, and the socket is closed as where guests are not let in."""
    monkeypatch.setattr(limits, "PEOPLE_PER_ADDRESS", 2)
    seat = await seated(place.ada)
    for _ in range(2):
        await seat.say("logout")
    session = seat.consumer.session
    people = await User.objects.acount()
    await seat.say("logout")
    await until(lambda: seat.codes)
    assert (seat.codes, len(seat.said("welcome"))) == ([4401], 3)
    assert await User.objects.acount() == people
    assert await Revocation.objects.filter(session=session).aexists()
    seat.leave()


async def test_a_socket_that_wants_to_log_in_is_refused_while_too_many_wait(
    running: Runtime, place: Place, monkeypatch: pytest.MonkeyPatch, until: Until
) -> None:
    """By whatever way they came: pages wait in the same line."""
    turns = Turns(at_once=0, lines={LOG_INS: Bound(0, 0, 5)})
    monkeypatch.setattr("chat.runtime.hashes", turns)
    seat = await seated(place.guest)
    await seat.say("login", username="ada", password="a guess", ref=1)
    await until(lambda: seat.said("error"))
    (error,) = seat.said("error")
    assert (error["code"], error["retry_ms"], error["ref"]) == ("unavailable", 5000, 1)
    seat.leave()


async def test_log_outs_that_wait_for_their_session_have_an_end(
    running: Runtime, place: Place, monkeypatch: pytest.MonkeyPatch, until: Until, caplog: pytest.LogCaptureFixture
) -> None:
    """One too many is told to come again, and it is logged."""
    monkeypatch.setattr("chat.limits.SESSIONS_WAITING", 0)
    seat = await seated(place.ada)
    await seat.say("logout", ref=1)
    await until(lambda: seat.said("error"))
    assert seat.said("error")[0]["code"] == "unavailable"
    assert "too many wait for their session: 0" in caplog.text
    seat.leave()


async def test_a_guest_who_opens_a_socket_has_arrived(running: Runtime, place: Place, until: Until) -> None:
    """It is noted when the database can be written again, and nobody waits for it."""
    sessions = Held(running._sessions)
    seat = await seated(place.guest)
    await until(lambda: seat.said("welcome"))
    assert not await User.objects.filter(pk=place.guest.pk, arrived=True).aexists()
    sessions.go_on()
    await until(lambda: running.arrivals._noting is None)
    assert await User.objects.filter(pk=place.guest.pk, arrived=True).aexists()
    seat.leave()


async def test_an_arrival_that_cannot_be_noted_is_noted_later(
    running: Runtime, place: Place, monkeypatch: pytest.MonkeyPatch, until: Until
) -> None:
    """A lock must not cost a guest the account a day later."""
    failed: list[list[int]] = []

    def locked(people: list[int]) -> None:
        if not failed:
            failed.append(people)
            raise OperationalError("database is locked")
        guests_arrive(people)

    monkeypatch.setattr(arrivals, "guests_arrive", locked)
    monkeypatch.setattr(arrivals, "AGAIN_SECONDS", 0.01)
    seat = await seated(place.guest)
    await until(lambda: failed and running.arrivals._noting is None)
    assert await User.objects.filter(pk=place.guest.pk, arrived=True).aexists()
    seat.leave()
