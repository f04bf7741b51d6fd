"""nginx is told of a stream of events by its answer, and of nothing else."""

from typing import Any

import pytest

from parley_serving.event_streams import EventStreams

NO = (b"x-accel-buffering", b"no")
YES = (b"X-Accel-Buffering", b"yes")
EVENTS = (b"Content-Type", b"text/event-stream; charset=utf-8")


async def sent(kind: str, message: dict[str, Any]) -> dict[str, Any]:
    """Return what a client gets of a message."""
    messages: list[dict[str, Any]] = []

    async def application(scope: Any, receive: Any, send: Any) -> None:
        await send(message)

    async def send(one: dict[str, Any]) -> None:
        messages.append(one)

    await EventStreams(application)({"type": kind}, None, send)
    [found] = messages
    return found


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ([EVENTS], [EVENTS, NO]),
        ([EVENTS, YES], [EVENTS, YES]),
        ([(b"content-type", b"text/html")], [(b"content-type", b"text/html")]),
        ([], []),
    ],
    ids=["events", "the project's own word", "a page", "none"],
)
async def test_an_answer_with_events_is_marked(headers: list[Any], expected: list[Any]) -> None:
    """Whatever else it has stays."""
    answer = {"type": "http.response.start", "status": 200, "headers": headers}
    assert await sent("http", answer) == {**answer, "headers": expected}


@pytest.mark.parametrize("kind", ["http", "websocket", "lifespan"])
async def test_every_other_message_stays_what_it_is(kind: str) -> None:
    """The very object, not a copy."""
    body = {"type": "http.response.body", "body": b"data: 1\n\n"}
    assert await sent(kind, body) is body
