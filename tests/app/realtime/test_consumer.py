"""What is done around each frame of a socket: it ends in one way, whatever ends it."""

import logging
from collections.abc import Callable
from typing import Any

import pytest

from realtime.consumer import INTERNAL_ERROR, SocketConsumer
from realtime.socket import Socket


class Serving(SocketConsumer):
    """Takes texts, and does what a test has it do with them."""

    def __init__(self, does: Callable[[str | None], None]) -> None:
        super().__init__()
        self.does = does
        self.gone: list[Socket] = []

    async def connect(self) -> None:
        assert await self.accept() is self.socket

    async def receive(self, text: str | None) -> None:
        self.does(text)

    def left(self, socket: Socket) -> None:
        self.gone.append(socket)


async def served(consumer: SocketConsumer, *events: dict[str, Any]) -> list[dict[str, Any]]:
    """Serve a socket on which all that is there already, and then nothing more."""
    sent: list[dict[str, Any]] = []
    coming = iter([*events, {"type": "websocket.disconnect", "code": 1005}])

    async def receive() -> dict[str, Any]:
        return next(coming)

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    await consumer({"type": "websocket"}, receive, send)
    if consumer.socket is not None and consumer.socket.writer._task is not None:  # type: ignore[attr-defined]
        await consumer.socket.writer._task  # type: ignore[attr-defined]
    return sent


CONNECT = {"type": "websocket.connect"}
TEXT = {"type": "websocket.receive", "text": "hello"}
ACCEPT = {"type": "websocket.accept"}


async def test_a_socket_is_served_until_the_peer_goes(caplog: pytest.LogCaptureFixture) -> None:
    """Each frame in order, None for a binary one; then its rooms are left, once."""
    texts: list[str | None] = []
    consumer = Serving(texts.append)
    binary = {"type": "websocket.receive", "bytes": b"x"}
    assert await served(consumer, CONNECT, TEXT, binary) == [ACCEPT]
    assert texts == ["hello", None]
    assert consumer.gone == [consumer.socket]
    assert not caplog.records


async def test_what_comes_behind_our_own_close_is_not_taken() -> None:
    """Its sender may be banned: what waited meanwhile is not theirs to send any more."""
    texts: list[str | None] = []

    def bans(text: str | None) -> None:
        texts.append(text)
        assert consumer.socket is not None
        consumer.socket.close(4403)

    consumer = Serving(bans)
    await served(consumer, CONNECT, TEXT, TEXT)
    assert texts == ["hello"]


async def test_a_fault_of_ours_is_told_to_the_peer_and_to_the_log(caplog: pytest.LogCaptureFixture) -> None:
    """1011, so that a client comes back; nothing else of the process notices (pitfalls B2)."""

    def fails(_: object) -> None:
        raise RuntimeError("a bug")

    consumer = Serving(fails)
    sent = await served(consumer, CONNECT, TEXT)
    assert sent == [ACCEPT, {"type": "websocket.close", "code": INTERNAL_ERROR, "reason": ""}]
    assert consumer.gone == [consumer.socket]
    assert "a bug" in caplog.text


async def test_a_fault_before_the_accept_leaves_nothing(caplog: pytest.LogCaptureFixture) -> None:
    """There is no socket yet that could leave or be closed."""

    class Failing(Serving):
        async def connect(self) -> None:
            raise RuntimeError("a bug")

    consumer = Failing(print)
    assert await served(consumer, CONNECT) == []
    assert consumer.gone == []
    assert "a bug" in caplog.text


async def test_a_peer_that_went_away_is_no_error(caplog: pytest.LogCaptureFixture) -> None:
    """uvicorn's ClientDisconnected is an OSError; its rooms are left all the same."""
    caplog.set_level(logging.INFO)

    def went(_: object) -> None:
        raise OSError

    consumer = Serving(went)
    assert await served(consumer, CONNECT, TEXT) == [ACCEPT]
    assert consumer.gone == [consumer.socket]
    assert not caplog.records
