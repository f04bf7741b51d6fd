"""Every bad input of protocol.md, through the real server, while somebody else's socket goes on."""

import contextlib
import json
from typing import Any

import pytest
from websockets.exceptions import InvalidStatus

from deploy.effects.client.http_client import guest
from deploy.effects.client.websocket_client import Hangup, Refused, Socket, connect, new_key
from tests.running import RunningStack

pytestmark = pytest.mark.stack

SEND: dict[str, Any] = {"type": "send", "room": "lobby", "key": "k", "text": "t", "ref": "r"}


def changed(**fields: Any) -> str:
    """Return a `send` with some fields replaced."""
    return json.dumps(SEND | fields)


WITHOUT_KEY = json.dumps({name: value for name, value in SEND.items() if name != "key"})

BAD_FRAMES = [
    pytest.param("nope", "bad_frame", id="not JSON"),
    pytest.param("[1]", "bad_frame", id="not an object"),
    pytest.param("{}", "bad_field", id="no type"),
    pytest.param('{"type": "shout"}', "unknown_type", id="unknown type"),
    pytest.param(WITHOUT_KEY, "bad_field", id="missing field"),
    pytest.param(changed(room=7), "bad_field", id="wrong field"),
    pytest.param(changed(key=""), "bad_field", id="empty key"),
    pytest.param(changed(key="k" * 65), "bad_field", id="long key"),
    pytest.param(changed(text=""), "bad_field", id="empty text"),
    pytest.param(changed(text=" \n\t "), "bad_field", id="blank text"),
    pytest.param(changed(text="x" * 4001), "too_long", id="4001 characters"),
    pytest.param(changed(text="a\x00b"), "bad_field", id="NUL"),
    pytest.param(changed(text="a\x1bb"), "bad_field", id="escape"),
    pytest.param(changed(key="k\x00"), "bad_field", id="NUL in the key"),
    pytest.param(changed(text="\ud800"), "bad_field", id="lone surrogate"),
    pytest.param(changed(reply_to=10**9), "not_found", id="reply to what is not there"),
    pytest.param(changed(reply_to=2**63), "bad_field", id="seq beyond a number"),
    pytest.param(changed(room="elsewhere"), "not_joined", id="room not joined"),
    pytest.param('{"type": "join", "room": "nowhere"}', "no_such_room", id="no such room"),
    pytest.param('{"type": "join", "room": "../../etc"}', "no_such_room", id="path for a room"),
    pytest.param('{"type": "join", "room": "lobby", "after": -1}', "bad_field", id="negative after"),
    pytest.param('{"type": "history", "room": "lobby", "before": 2, "limit": 201}', "bad_field", id="large page"),
    pytest.param('{"type": "history", "room": "nowhere", "before": 2}', "no_such_room", id="history of no room"),
    pytest.param('{"type": "leave", "room": "elsewhere"}', "not_joined", id="leave what was not joined"),
    pytest.param('{"type": "ping", "ref": {}}', "bad_field", id="ref of another kind"),
]


async def in_lobby(socket: Socket) -> Socket:
    """Bring a socket to where it can send."""
    await socket.welcome()
    await socket.join("lobby")
    return socket


@pytest.mark.parametrize(("text", "code"), BAD_FRAMES)
async def test_bad_frame_is_answered_and_nothing_else(stack: RunningStack, text: str, code: str) -> None:
    """One error with its code; the socket stays open, and nobody else's notices."""
    address = stack.pinned(0)
    async with (
        connect(address, await guest(address, "Mal")) as bad,
        connect(address, await guest(address, "Bien")) as good,
    ):
        await in_lobby(bad)
        await in_lobby(good)
        await bad.raw(text)
        error = await bad.expect("error")
        assert error["code"] == code
        assert error["detail"]
        with contextlib.suppress(ValueError):
            frame = json.loads(text)
            if isinstance(frame, dict) and isinstance(frame.get("ref"), str):
                assert error["ref"] == frame["ref"]
            if isinstance(frame, dict) and frame.get("type") == "send" and code != "bad_field":
                assert (error["room"], error["key"]) == (frame["room"], frame["key"])
        await bad.send_text("lobby", "still here")
        await good.send_text("lobby", "so am I")


@pytest.mark.parametrize(
    "text",
    ["<script>alert(1)</script>", "\u202eright to left", "שלום עולם", "👩‍👩‍👧‍👦🏳️‍🌈", "line\nline\ttab", "x" * 4000],
)
async def test_any_text_comes_back_as_it_was(stack: RunningStack, text: str) -> None:
    """What looks dangerous is text like any other: the page writes it with textContent."""
    address = stack.pinned(1)
    async with connect(address, await guest(address, "Nora")) as socket:
        await in_lobby(socket)
        sent = await socket.send_text("lobby", text)
        assert (await socket.entry("lobby", sent["seq"]))["text"] == text


@pytest.mark.parametrize(
    ("data", "code"),
    [
        pytest.param([b"\x00"], 1003, id="binary frame"),
        pytest.param(["nope"] * 3, 1007, id="not JSON, three times"),
        pytest.param(["x" * 65_537], 1009, id="larger than 64 KiB"),
    ],
)
async def test_frames_that_close(stack: RunningStack, data: list[str | bytes], code: int) -> None:
    """These end the socket, with the code that says why."""
    address = stack.pinned(0)
    async with connect(address, await guest(address, "Olga")) as socket:
        await in_lobby(socket)
        for one in data:
            await socket.raw(one)
        assert await socket.closed() == code


async def test_a_frame_of_64_kib_is_read(stack: RunningStack) -> None:
    """The limit is inclusive: what is too long for a text is answered, not closed."""
    address = stack.pinned(0)
    async with connect(address, await guest(address, "Pía")) as socket:
        await in_lobby(socket)
        frame = changed(text="")
        await socket.raw(changed(text="x" * (65_536 - len(frame))))
        assert (await socket.expect("error"))["code"] == "too_long"


async def test_no_session_is_told_by_code(stack: RunningStack) -> None:
    """4401 after the accept, so that a browser can read it; a forged cookie is no session."""
    for cookie in (None, "sessionid=forged"):
        async with connect(stack.address, cookie) as socket:
            with pytest.raises(Hangup) as hangup:
                await socket.welcome()
            assert hangup.value.code == 4401


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://localhost", "https://localhost:1x", None])
async def test_foreign_origin_is_refused_and_logged(stack: RunningStack, origin: str | None) -> None:
    """403 before the accept; the log says why (pitfalls P2)."""
    cookie = await guest(stack.address, "Quico")
    with pytest.raises(InvalidStatus) as refused:
        async with connect(stack.address, cookie, origin=origin):
            pass
    assert refused.value.response.status_code == 403
    why = "no Origin header" if origin is None else f"Origin {origin!r}"
    assert await stack.line("handshake refused", why)


async def test_rooms_of_others(stack: RunningStack) -> None:
    """A guest may not enter a room that is not open to guests, nor learn that it is there."""
    code = "from chat.models import Room; Room.objects.get_or_create(slug='inner', defaults={'title': 'Inner'})"
    await stack.manage("shell", "-c", code)
    address = stack.pinned(0)
    async with connect(address, await guest(address, "Rita")) as socket:
        await socket.welcome()
        told = []
        for slug in ("inner", "outer"):  # which is not there
            for ask in (socket.join(slug), socket.history(slug, before=10)):
                with pytest.raises(Refused) as refused:
                    await ask
                told.append({**refused.value.frame, "detail": refused.value.frame["detail"].replace(slug, "")})
        for frame in told:
            del frame["ref"], frame["room"]
        assert told == [told[0]] * 4
        assert told[0]["code"] == "no_such_room"


async def test_a_claim_of_a_lost_history_needs_a_mark(stack: RunningStack) -> None:
    """Whoever says it without one starts again alone: nobody else is closed, and everybody can still resume."""
    await stack.manage("shell", "-c", "from chat.models import Room; Room.objects.create(slug='claims', guests=True)")
    address = stack.pinned(0)
    async with connect(address, await guest(address, "Zoe")) as socket:
        await socket.welcome()
        joined = await socket.join("claims")
        seq = await socket.echo("claims", "still here")
        async with connect(address, await guest(address, "Mallory")) as other:
            await other.welcome()
            for mark in (None, joined["mark"], joined["mark"].replace("0.", "9.", 1)):
                ahead = await other.join("claims", after=1000, epoch=joined["epoch"], mark=mark)
                assert (ahead["epoch"], ahead["recovered"], ahead["head"]) == (joined["epoch"], False, seq)
        assert await socket.echo("claims", "and still") == seq + 1
        again = await socket.join("claims", after=seq, epoch=joined["epoch"])
        assert (again["recovered"], [entry["seq"] for entry in again["entries"]]) == (True, [seq + 1])


async def test_flood_is_limited_then_closed(stack: RunningStack) -> None:
    """One who goes on and on is told, then closed with 4429; everybody else's sends are acknowledged."""
    address = stack.pinned(0)
    async with (
        connect(address, await guest(address, "Flood")) as bad,
        connect(address, await guest(address, "Good")) as good,
    ):
        await bad.welcome()
        await in_lobby(good)
        with contextlib.suppress(Hangup):
            for _ in range(2_000):
                await bad.write("ping")
        for _ in range(20):
            await good.send_text("lobby", "not my flood", new_key())
        assert await bad.closed() == 4429
        limited = await bad.expect("error")
        assert limited["code"] == "rate_limited"
        assert limited["retry_ms"] > 0
