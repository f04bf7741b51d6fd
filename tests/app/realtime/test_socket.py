"""One websocket: it writes, it closes once, and one that reads nothing does not stay."""

import asyncio
from collections.abc import Callable

import pytest

from realtime.frame import Frame
from realtime.socket import STUCK_SECONDS, TOO_SLOW, Socket, Sockets

Call = Callable[[], None]


class Recorder:
    """An writer that does nothing."""

    def __init__(self) -> None:
        self.on_full: Call | None = None
        self.on_writable: Call | None = None
        self.on_end: Call | None = None
        self.is_writable = True
        self.written: list[bytes] = []
        self.closed: list[int] = []
        self.aborted = 0

    def write(self, frame: Frame) -> None:
        self.written.append(frame.payload)

    def close(self, code: int, reason: str = "") -> None:  # noqa: ARG002 (an writer)
        self.closed.append(code)

    def abort(self) -> None:
        self.aborted += 1

    def allow(self, frames: int) -> None:
        """It counts nothing."""

    def fill(self) -> None:
        """Say that the peer reads nothing more."""
        assert self.on_full is not None
        self.on_full()

    def empty(self) -> None:
        """Say that the peer has read it all."""
        assert self.on_writable is not None
        self.on_writable()


async def test_it_closes_once_and_writes_nothing_after() -> None:
    """The first reason is the one that the peer reads."""
    writer = Recorder()
    socket = Socket(writer)
    socket.write(Frame(b"1"))
    socket.restart()
    socket.close(TOO_SLOW)
    socket.write(Frame(b"2"))
    assert (writer.written, writer.closed, socket.closing) == ([b"1"], [1012], 1012)


async def test_a_peer_that_does_not_answer_the_close_is_dropped(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that it is cleaned up even when its transport never drains (pitfalls G14)."""
    monkeypatch.setattr("realtime.socket.ABORT_SECONDS", 0.0)
    writer = Recorder()
    Socket(writer).close(1000)
    await asyncio.sleep(0.01)
    assert writer.aborted == 1


async def test_a_peer_that_reads_nothing_for_too_long_is_closed_with_4408() -> None:
    """Counted from when it was first found full, and only while it stays so."""
    writer = Recorder()
    socket = Socket(writer)
    assert not socket.check_stuck(0)
    writer.fill()
    assert not socket.check_stuck(10)
    assert not socket.check_stuck(10 + STUCK_SECONDS)
    writer.empty()
    assert not socket.check_stuck(11 + STUCK_SECONDS)
    writer.fill()
    assert not socket.check_stuck(50)
    assert not socket.check_stuck(50 + STUCK_SECONDS)
    assert socket.check_stuck(51 + STUCK_SECONDS)
    assert not socket.check_stuck(99 + STUCK_SECONDS)
    assert writer.closed == [4408]


async def test_room_again_is_told_to_every_feed() -> None:
    """A socket may read many rooms."""
    writer = Recorder()
    socket = Socket(writer)
    told: list[str] = []

    class Told:
        def __init__(self, name: str) -> None:
            self.name = name

        def resumed(self, subscriber: Socket) -> None:
            assert subscriber is socket
            told.append(self.name)

    socket.feeds = {"a": Told("a"), "b": Told("b")}  # type: ignore[dict-item]
    writer.empty()
    assert told == ["a", "b"]


async def test_the_register_keeps_the_order() -> None:
    """A drain starts with the oldest."""
    sockets = Sockets()
    all_of_them = [Socket(Recorder()) for _ in range(3)]
    for socket in all_of_them:
        sockets.add(socket)
    assert list(sockets) == all_of_them
    assert len(sockets) == 3
    for socket in sockets:  # a copy: leaving while one walks over it is allowed
        assert socket in sockets
        sockets.discard(socket)
        sockets.discard(socket)
    assert not len(sockets)


def entered(sockets: Sockets, person: int, address: str) -> Socket:
    """One more of somebody's, from somewhere."""
    socket = Socket(Recorder())
    socket.person, socket.address = person, address
    sockets.add(socket)
    return socket


async def test_one_too_many_of_a_person_of_an_address_or_of_all() -> None:
    """Each limit counts its own, and who is gone makes room: once, however often it is said."""
    sockets = Sockets(most=5, per_person=2, per_address=3)
    first = entered(sockets, 1, "a")
    assert not sockets.are_full(person=1, address="a")
    entered(sockets, 1, "b")
    assert sockets.are_full(person=1, address="z")
    assert not sockets.are_full(person=2, address="a")
    for person in (2, 3):
        entered(sockets, person, "a")
    assert sockets.are_full(person=4, address="a")
    assert not sockets.are_full(person=4, address="b")
    entered(sockets, 4, "b")
    assert sockets.are_full(person=9, address="z")
    for _ in range(2):
        sockets.discard(first)
    assert not any(
        sockets.are_full(person=person, address=address) for person, address in [(9, "z"), (1, "z"), (9, "a")]
    )
    for person in (1, 5):  # one more than may be: it was let in already
        entered(sockets, person, "a")
    assert all(sockets.are_full(person=person, address=address) for person, address in [(9, "z"), (1, "z"), (9, "a")])


async def test_who_is_still_there_is_still_counted() -> None:
    """One of somebody's two sockets went."""
    sockets = Sockets(per_person=2)
    first = entered(sockets, 1, "a")
    entered(sockets, 1, "a")
    sockets.discard(first)
    assert not sockets.are_full(person=1, address="a")
    entered(sockets, 1, "a")
    assert sockets.are_full(person=1, address="a")


async def test_who_becomes_somebody_else_counts_as_them() -> None:
    """A guest who logs in; somebody who is not there any more is renamed without being counted."""
    sockets = Sockets(per_person=1)
    socket = entered(sockets, 1, "a")
    sockets.change(socket, person=2)
    assert (socket.person, sockets.are_full(person=1, address="a")) == (2, False)
    assert sockets.are_full(person=2, address="a")
    sockets.discard(socket)
    sockets.change(socket, person=3)
    assert not any(sockets.are_full(person=person, address="a") for person in (2, 3))


async def test_no_limit_is_none() -> None:
    """0, the default."""
    sockets = Sockets()
    for _ in range(3):
        entered(sockets, 1, "a")
    assert not sockets.are_full(person=1, address="a")
