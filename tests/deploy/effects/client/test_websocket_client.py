"""The client that integration tests speak through."""

import pytest
from websockets.exceptions import InvalidStatus

from deploy.effects.client.websocket_client import Frame, Hangup, Refused, connect
from deploy.operations.drill.log_reader import Reader
from tests.deploy.operations.drill.fake import Fake, Peer


async def test_answers_and_entries_come_in_any_order(fake: Fake) -> None:
    """A wait for one frame keeps the others for later waits."""
    async with connect(fake.address, None) as socket:
        assert (await socket.welcome())["instance"] == "fake-1"
        assert (await socket.join("lobby"))["head"] == 0
        await socket.write("send", room="lobby", key="a", text="hi")
        assert (await socket.expect("sent", key="a"))["seq"] == 1
        assert (await socket.entry("lobby", 1))["key"] == "a"


async def test_a_refusal_has_its_code(fake: Fake) -> None:
    """`ask` raises the error that echoes its ref."""

    async def refuse(peer: Peer, frame: Frame) -> bool:
        await peer.tell("error", code="no_such_room", detail="none", ref=frame["ref"])
        return True

    fake.bend("join", refuse)
    async with connect(fake.address, None) as socket:
        with pytest.raises(Refused, match="no_such_room") as refused:
            await socket.join("attic")
    assert refused.value.code == "no_such_room"


async def test_a_fence_gives_all_that_came_before_it(fake: Fake) -> None:
    """What is not before the pong was not sent."""
    async with connect(fake.address, None) as socket:
        await socket.join("lobby")
        entry, _ = fake.append("x")
        await fake.spread(entry)
        assert [frame["type"] for frame in await socket.fence()] == ["welcome", "entries"]
        assert await socket.fence() == []


async def test_a_close_has_its_code(fake: Fake) -> None:
    """Waiting for the close keeps what came before it; reading after it says so."""
    async with connect(fake.address, None) as socket:
        await socket.join("lobby")
        await fake.peers[0].connection.close(4408)
        assert await socket.closed() == 4408
        with pytest.raises(Hangup) as hangup:
            await socket.read()
        assert hangup.value.code == 4408


async def test_a_wait_in_vain_says_what_came_instead(fake: Fake) -> None:
    """The message of the timeout has the frames that were passed over."""
    async with connect(fake.address, None) as socket:
        with pytest.raises(TimeoutError, match="welcome"):
            await socket.expect("drain", timeout=0.05)


async def test_the_origin_is_the_sites_own_unless_given(fake: Fake) -> None:
    """Tests of a foreign or missing Origin need no other client."""
    seen = []

    async def look(connection, request):  # type: ignore[no-untyped-def]
        seen.append((request.headers.get("Origin"), request.headers.get("Cookie")))
        return connection.respond(403, "")

    fake.handshake = look
    for origin in ("own", "https://evil.example", None):
        with pytest.raises(InvalidStatus):
            async with connect(fake.address, "sessionid=s", origin=origin):
                pass
    assert seen == [
        (fake.address.origin, "sessionid=s"),
        ("https://evil.example", "sessionid=s"),
        (None, "sessionid=s"),
    ]


async def test_the_reader_reads_all_pages_of_the_log(fake: Fake) -> None:
    """However long the log, it comes whole and in order, through a rate limit too."""
    refused = []

    async def slow_down(peer: Peer, frame: Frame) -> bool:
        refused.append(frame)
        if len(refused) != 2:
            return False
        await peer.tell("error", code="rate_limited", detail="", retry_ms=10, ref=frame["ref"])
        return True

    fake.bend("history", slow_down)
    for number in range(450):
        fake.append(f"k{number}")
    reader = Reader(fake.address, "lobby", cookie="sessionid=s")
    head = await reader.head()
    log = await reader.log(head)
    assert (log.head, log.epoch, [entry.seq for entry in log.entries]) == (450, "epoch-1", list(range(1, 451)))
    assert [entry.seq for entry in (await reader.log(head, since=440)).entries] == list(range(440, 451))
