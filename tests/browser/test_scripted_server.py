"""What a later server may say: kinds and types this page does not send, told by a server that the test plays."""

import json
import re
from collections.abc import Callable
from typing import Any

import pytest
from playwright.async_api import WebSocketRoute, expect

from tests.browser.conftest import Come, Reader
from tests.running import RunningStack

pytestmark = [pytest.mark.browser, pytest.mark.stack]
AT = "2026-03-01T09:00:00.000Z"
Frames = list[dict[str, Any]]


def entry(seq: int, kind: str, text: str, **more: Any) -> dict[str, Any]:
    """Make an entry of somebody else."""
    author = {"id": 999, "name": "Eva"}
    return {"seq": seq, "kind": kind, "key": f"k{seq}", "author": author, "text": text, "at": AT} | more


async def play(reader: Reader, joined: Frames, live: Frames) -> list[WebSocketRoute]:
    """Put a server in place of the real one that answers the first join with `joined` and goes on with `live`."""
    sockets: list[WebSocketRoute] = []
    you = int(await reader.page.locator("#room").get_attribute("data-user") or 0)

    def answer(socket: WebSocketRoute) -> Callable[[str | bytes], None]:
        def take(text: str | bytes) -> None:
            frame = json.loads(text)
            if frame["type"] != "join":
                return
            head = joined[-1]["seq"]
            told = {
                "type": "joined",
                "room": "lobby",
                "ref": frame["ref"],
                "epoch": "e",
                "head": head,
                "title": "Lobby",
            }
            socket.send(json.dumps(told | {"entries": joined, "recovered": False, "count": 1, "present": []}))
            for one in live:
                socket.send(json.dumps(one))

        return take

    def serve(socket: WebSocketRoute) -> None:
        sockets.append(socket)
        socket.on_message(answer(socket))
        welcome = {"type": "welcome", "protocol": 1, "server": "9", "instance": "web-9", "heartbeat_seconds": 20}
        welcome |= {"you": {"id": you, "name": "Ana", "guest": True}, "features": [], "future": {"a": 1}}
        socket.send(json.dumps(welcome | {"limits": {"text_chars": 4000}}))

    await reader.page.route_web_socket(re.compile(r".*/ws/chat/$"), serve)
    await reader.page.reload()
    return sockets


async def test_edits_deletes_and_notices(stack: RunningStack, come: Come) -> None:
    """An edit changes its target, a delete empties it for good, a notice is a line, the unknown is nothing."""
    ana = await come(stack, "Ana")
    joined = [
        entry(1, "text", "one"),
        entry(2, "text", "two as edited", edited=True),
        entry(3, "edit", "two as edited", target=2),
        entry(4, "text", "", deleted=True),
    ]
    live = [
        entry(5, "edit", "one, better", target=1),
        entry(6, "text", "three"),
        entry(7, "delete", "", target=6, deleted=True),
        entry(8, "edit", "three is back", target=6),
        entry(9, "poll", "a kind of later", options=["a"]),
        entry(10, "notice", "The room is older now."),
        entry(11, "text", "last", reply_to=1, colour="red"),
    ]
    frames: Frames = [{"type": "entries", "room": "lobby", "entries": live}, {"type": "weather", "room": "lobby"}]
    await play(ana, joined, frames)
    gone = "This message was deleted."
    await expect(ana.texts).to_have_text(["one, better (edited)", "two as edited (edited)", gone, gone, "last"])
    await expect(ana.page.locator("#log .note")).to_have_text("The room is older now.")


@pytest.mark.parametrize(
    ("frame", "says"),
    [
        ({"type": "left", "room": "lobby", "reason": "removed"}, "You were taken out of this room."),
        ({"type": "left", "room": "lobby", "reason": "closed"}, "This room is closed."),
    ],
)
async def test_taken_out(stack: RunningStack, come: Come, frame: dict[str, Any], says: str) -> None:
    """Who is taken out reads so, and can write no more."""
    ana = await come(stack, "Ana")
    await play(ana, [entry(1, "text", "one")], [frame])
    await expect(ana.page.locator("#log .note")).to_have_text(says)
    await expect(ana.page.locator("#text")).to_be_disabled()


async def test_banned(stack: RunningStack, come: Come) -> None:
    """Who is banned reads so, and the page does not come back."""
    ana = await come(stack, "Ana")
    sockets = await play(ana, [entry(1, "text", "one")], [])
    await ana.reads("one")
    await sockets[0].close(code=4403)
    await expect(ana.status).to_have_text("This account is banned.")
    await expect(ana.page.locator("#text")).to_be_disabled()
    assert len(sockets) == 1


async def test_refused_message(stack: RunningStack, come: Come) -> None:
    """A message that the server refuses says why, and goes when its writer says so."""
    ana = await come(stack, "Ana")
    sockets = await play(ana, [entry(1, "text", "one")], [])
    await ana.reads("one")
    refused: list[str] = []

    def take(text: str | bytes) -> None:
        frame = json.loads(text)
        if frame["type"] == "send":
            refused.append(frame["key"])
            error = {"type": "error", "code": "not_allowed", "detail": "", "room": "lobby", "key": frame["key"]}
            sockets[0].send(json.dumps(error))

    sockets[0].on_message(take)
    await ana.write("may I?")
    await expect(ana.page.locator("#waiting .fate")).to_contain_text("you may not write here.")
    await ana.page.locator("#waiting button").click()
    await expect(ana.page.locator("#waiting li")).to_have_count(0)
    assert len(refused) == 1
