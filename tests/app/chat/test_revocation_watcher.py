"""What one reading of sessions says, applied to the sockets it was asked for."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
from asgiref.sync import sync_to_async

from accounts.models import Revocation, User
from accounts.sessions import session_open
from chat.log import Log
from chat.revocation_watcher import NO_SESSION, RevocationWatcher
from parley_serving.cancellation import end
from tests.app.chat.conftest import Place

Until = Callable[[Callable[[], object]], Awaitable[None]]


@dataclass(eq=False)
class Sitting:
    """A socket as the watch sees it, with what became of it."""

    user: User
    session: str
    due: float = 0.0
    codes: list[int] = field(default_factory=list)
    removed: list[tuple[int, str]] = field(default_factory=list)
    names: list[str] = field(default_factory=list)

    @property
    def person(self) -> int:
        """The id of who it is."""
        return self.user.pk

    @property
    def password(self) -> str:
        """The hash that its session was opened under."""
        return self.user.password

    @property
    def rooms(self) -> set[int]:
        """None."""
        return set()

    def end(self, code: int) -> None:
        """Note it."""
        self.codes.append(code)

    def remove(self, room: int, reason: str) -> None:
        """Note it."""
        self.removed.append((room, reason))

    def rename(self, name: str) -> None:
        """Note it."""
        self.names.append(name)


async def sitting(user: User) -> Sitting:
    """Somebody with a session of their own."""
    key, _ = await sync_to_async(session_open)(user=user)
    return Sitting(user, key)


async def test_whose_session_is_there_stays(log: Log, place: Place) -> None:
    """And is not read again at each turn; whose session is gone is ended."""
    stays, goes = await sitting(place.ada), Sitting(place.bob, "gone")
    watch = RevocationWatcher(log, lambda *_: None)
    watch.visitors |= {stays, goes}
    await watch._turn()
    assert (stays.codes, stays.due > 0, goes.codes) == ([], True, [NO_SESSION])


async def test_who_becomes_somebody_else_while_sessions_are_read_stays(
    log: Log, place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The reading does not know the new session; the next one does."""
    socket, other = await sitting(place.ada), await sitting(place.guest)
    ask = log.ask

    async def ask_and_log_out(*asked: Any) -> Any:
        reading = await ask(*asked)
        socket.user, socket.session, socket.due = other.user, other.session, 0.0
        return reading

    watch = RevocationWatcher(log, lambda *_: None)
    watch.visitors.add(socket)
    with monkeypatch.context() as patch:
        patch.setattr(log, "ask", ask_and_log_out)
        await watch._turn()
    assert (socket.codes, socket.due) == ([], 0.0)
    await watch._turn()
    assert (socket.codes, socket.due > 0) == ([], True)


async def test_what_is_revoked_right_after_the_start_is_found(log: Log, place: Place, until: Until) -> None:
    """Who comes in the first half second may be thrown out in it; the reader reads in order, so nobody came before."""
    socket = await sitting(place.ada)
    watch = RevocationWatcher(log, lambda *_: None)
    watch.visitors.add(socket)
    working = asyncio.create_task(watch.run())
    await asyncio.sleep(0)
    await log.ask(Revocation.objects.create, reason=Revocation.Reason.REMOVED, user=place.ada.pk, room=place.room.pk)
    await until(lambda: socket.removed == [(place.room.pk, "removed")])
    await end([working])


async def test_a_turn_that_fails_is_not_the_last(
    log: Log, place: Place, until: Until, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Whatever it was: without the watch nobody is ever ended again."""
    monkeypatch.setattr("chat.revocation_watcher.WATCH_SECONDS", 0.0)
    goes = Sitting(place.bob, "gone")
    watch = RevocationWatcher(log, lambda *_: None)
    watch.visitors.add(goes)
    recheck = watch._recheck
    turns = 0

    def fail_once(*given: Any) -> None:
        nonlocal turns
        turns += 1
        if turns == 1:
            raise RuntimeError("a fault of ours")
        recheck(*given)

    monkeypatch.setattr(watch, "_recheck", fail_once)
    working = asyncio.create_task(watch.run())
    await until(lambda: goes.codes)
    await end([working])
    assert "the revocation check failed" in caplog.text


async def test_a_reason_of_a_later_release_ends_nobody(log: Log, place: Place) -> None:
    """While a rollout goes on; and it is not read again."""
    socket = await sitting(place.ada)
    watch = RevocationWatcher(log, lambda *_: None)
    watch.visitors.add(socket)
    await watch._turn()
    for room in (None, place.room.pk):
        await log.ask(Revocation.objects.create, reason="promoted", user=place.ada.pk, room=room)
    await watch._turn()
    assert (socket.codes, socket.removed) == ([], [])
    assert len(watch._applied) == 2


async def test_a_rename_reaches_the_sockets_of_every_session(log: Log, place: Place) -> None:
    """Its row names a session that nobody has."""
    sockets = [await sitting(place.ada) for _ in range(2)]
    told: list[tuple[int, str]] = []
    watch = RevocationWatcher(log, lambda person, name: told.append((person, name)))
    watch.visitors |= set(sockets)
    await watch._turn()
    renamed = await User.objects.aget(pk=place.ada.pk)
    renamed.name = "Ada L."
    await log.ask(renamed.save)
    await watch._turn()
    assert [(one.codes, one.names[-1]) for one in sockets] == [([], "Ada L.")] * 2
    assert told == [(place.ada.pk, "Ada L.")]


async def test_who_came_with_the_new_password_stays(log: Log, place: Place) -> None:
    """The word that the old one is over is read up to half a second later: it is not about them."""
    watch = RevocationWatcher(log, lambda *_: None)
    await watch._turn()
    before = await sitting(place.ada)
    changed = await User.objects.aget(pk=place.ada.pk)
    changed.set_password("another long one")
    await changed.asave()
    after = await sitting(await User.objects.aget(pk=place.ada.pk))
    for one in (before, after):
        one.due = time.time() + 60
        watch.visitors.add(one)
    await watch._turn()
    assert (before.codes, after.codes) == ([NO_SESSION], [])


async def test_another_name_is_taken_over(log: Log, place: Place) -> None:
    """By a form, the admin or a shell; nobody is ended for it, and who is not there is told of all the same."""
    told: list[tuple[int, str]] = []
    watch = RevocationWatcher(log, lambda *who: told.append(who))
    ada, bob = await sitting(place.ada), await sitting(place.bob)
    watch.visitors |= {ada, bob}
    await watch._turn()
    for one in (ada, bob):
        one.due, one.names = time.time() + 60, []
    for user in (place.ada, place.guest):
        again = await User.objects.aget(pk=user.pk)
        again.name = f"Not {user.name}"
        await again.asave()
    await watch._turn()
    await watch._turn()
    assert (ada.names, bob.names, ada.codes + bob.codes) == (["Not Ada"], [], [])
    assert told == [(place.ada.pk, "Not Ada"), (place.guest.pk, "Not Guest")]


async def test_another_name_since_the_handshake_is_found(log: Log, place: Place) -> None:
    """Whoever was read before it, and sits down after its row was read; also a name that was changed without a row."""
    watch = RevocationWatcher(log, lambda *_: None)
    ada = await sitting(place.ada)
    await User.objects.filter(pk=place.ada.pk).aupdate(name="Not Ada")
    watch.visitors.add(ada)
    await watch._turn()
    assert (ada.names, ada.codes) == (["Not Ada"], [])
