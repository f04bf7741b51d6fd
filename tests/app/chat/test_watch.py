"""What one reading of sessions says, applied to the sockets it was asked for."""

from dataclasses import dataclass, field
from typing import Any

import pytest
from asgiref.sync import sync_to_async

from accounts.models import User
from accounts.sessions import session_open
from chat.log import Log
from chat.watch import NO_SESSION, Watch
from tests.app.chat.conftest import Place


@dataclass(eq=False)
class Sitting:
    """A socket as the watch sees it, with the codes it was ended with."""

    user: User
    session: str
    due: float = 0.0
    codes: list[int] = field(default_factory=list)

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
        """Nothing to leave."""


async def sitting(user: User) -> Sitting:
    """Somebody with a session of their own."""
    key, _ = await sync_to_async(session_open)(user=user)
    return Sitting(user, key)


async def test_whose_session_is_there_stays(log: Log, place: Place) -> None:
    """And is not read again at each turn; whose session is gone is ended."""
    stays, goes = await sitting(place.ada), Sitting(place.bob, "gone")
    watch = Watch(log)
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

    watch = Watch(log)
    watch.visitors.add(socket)
    with monkeypatch.context() as patch:
        patch.setattr(log, "ask", ask_and_log_out)
        await watch._turn()
    assert (socket.codes, socket.due) == ([], 0.0)
    await watch._turn()
    assert (socket.codes, socket.due > 0) == ([], True)
