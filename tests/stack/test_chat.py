"""Two people on two instances of the real stack."""

import asyncio

import pytest

from deploy.drill.visitor import guest
from deploy.drill.wire import Refused, connect, new_key
from tests.running import RunningStack

pytestmark = pytest.mark.stack


async def test_two_instances_give_one_seq(stack: RunningStack) -> None:
    """What one writes on one instance, the other reads on the other under the same seq."""
    one, two = stack.pinned(0), stack.pinned(1)
    ana, bo = await guest(one, "Ana"), await guest(two, "Bo")
    async with connect(one, ana) as first, connect(two, bo) as second:
        welcomes = await first.welcome(), await second.welcome()
        assert [welcome["instance"] for welcome in welcomes] == ["web-1", "web-2"]
        assert welcomes[0]["you"]["name"] == "Ana"
        assert welcomes[0]["you"]["guest"] is True
        await first.join("lobby")
        await second.join("lobby")
        key = new_key()
        sent = await first.send_text("lobby", "¡hola! <script>alert(1)</script> שלום 👋🏽", key)
        entry = await second.entry("lobby", sent["seq"])
        assert entry["text"] == "¡hola! <script>alert(1)</script> שלום 👋🏽"
        assert (entry["key"], entry["at"], entry["author"]["name"]) == (key, sent["at"], "Ana")
        own = await first.entry("lobby", sent["seq"])
        assert own == entry


async def test_through_nginx_with_tls(stack: RunningStack) -> None:
    """The way that a browser takes: https for the session, wss for the chat."""
    cookie = await guest(stack.address, "Caro")
    async with connect(stack.address, cookie) as socket:
        assert (await socket.welcome())["protocol"] == 1
        joined = await socket.join("lobby")
        sent = await socket.send_text("lobby", "through nginx")
        assert sent["seq"] > joined["head"]


async def test_same_key_is_stored_once(stack: RunningStack) -> None:
    """A repetition, on another instance, with another text, is answered with the first."""
    cookie = await guest(stack.pinned(0), "Dina")
    key = new_key()
    async with connect(stack.pinned(0), cookie) as socket:
        await socket.welcome()
        await socket.join("lobby")
        first = await socket.send_text("lobby", "once", key)
    async with connect(stack.pinned(1), cookie) as socket:
        await socket.welcome()
        await socket.join("lobby")
        again = await socket.send_text("lobby", "twice", key)
        assert again["repeated"] is True
        assert (again["seq"], again["at"]) == (first["seq"], first["at"])


async def test_resume_gives_what_was_missed(stack: RunningStack) -> None:
    """With `after` and the epoch, a join on another instance continues without gap or repeat."""
    one, two = stack.pinned(0), stack.pinned(1)
    cookie, other = await guest(one, "Eva"), await guest(two, "Fede")
    async with connect(one, cookie) as socket:
        await socket.welcome()
        joined = await socket.join("lobby")
    async with connect(two, other) as writer:
        await writer.welcome()
        await writer.join("lobby")
        seqs = [(await writer.send_text("lobby", f"missed {number}"))["seq"] for number in range(5)]
    async with connect(two, cookie) as socket:
        await socket.welcome()
        back = await socket.join("lobby", after=joined["head"], epoch=joined["epoch"])
        assert back["recovered"] is True
        assert [entry["seq"] for entry in back["entries"]] == list(range(joined["head"] + 1, seqs[-1] + 1))


async def test_join_of_another_history_is_not_a_resume(stack: RunningStack) -> None:
    """A wrong epoch, or an `after` that this log never had, is never passed off as whole."""
    cookie = await guest(stack.pinned(0), "Gil")
    async with connect(stack.pinned(0), cookie) as socket:
        await socket.welcome()
        joined = await socket.join("lobby")
        other = await socket.join("lobby", after=joined["head"], epoch="not-this-one")
        assert other["recovered"] is False
        ahead = await socket.join("lobby", after=joined["head"] + 1_000, epoch=joined["epoch"])
        assert ahead["recovered"] is False
        assert ahead["epoch"] != joined["epoch"]


async def test_history_reads_back(stack: RunningStack) -> None:
    """Pages of history continue each other down to the first entry."""
    cookie = await guest(stack.pinned(1), "Hugo")
    async with connect(stack.pinned(1), cookie) as socket:
        await socket.welcome()
        await socket.join("lobby")
        for number in range(7):
            sent = await socket.send_text("lobby", f"page {number}")
        page = await socket.history("lobby", before=sent["seq"], limit=4)
        assert [entry["seq"] for entry in page["entries"]] == list(range(sent["seq"] - 4, sent["seq"]))
        assert page["more"] is True
        seen, before = [], sent["seq"] + 1
        while True:
            page = await socket.history("lobby", before=before, limit=200)
            seen = [entry["seq"] for entry in page["entries"]] + seen
            if not page["more"]:
                break
            before = seen[0]
        assert seen == list(range(1, sent["seq"] + 1))


async def test_typing_and_presence_cross_instances(stack: RunningStack) -> None:
    """The others see who comes and who writes; the writer is not told about herself."""
    one, two = stack.pinned(0), stack.pinned(1)
    ines, juan = await guest(one, "Inés"), await guest(two, "Juan")
    async with connect(one, ines) as first, connect(two, juan) as second:
        me = (await first.welcome())["you"]["id"]
        await second.welcome()
        await second.join("lobby")
        await first.join("lobby")
        came = await second.until(
            lambda frame: frame["type"] == "presence" and any(who["id"] == me for who in frame.get("joined", []))
        )
        assert came["count"] >= 2
        await first.write("typing", room="lobby")
        typing = await second.expect("typing")
        assert typing["who"] == {"id": me, "name": "Inés"}


async def test_leave_ends_the_room(stack: RunningStack) -> None:
    """After `left` no frame of that room follows, and sending asks to join first."""
    cookie = await guest(stack.pinned(0), "Kim")
    async with connect(stack.pinned(0), cookie) as socket, connect(stack.pinned(0), cookie) as other:
        for one in (socket, other):
            await one.welcome()
            await one.join("lobby")
        assert (await socket.leave("lobby"))["reason"] == "asked"
        await socket.fence()  # whatever came before it
        await other.send_text("lobby", "after you left")
        later = await socket.fence()
        assert [frame for frame in later if frame.get("room") == "lobby"] == []
        with pytest.raises(Refused) as refused:
            await socket.send_text("lobby", "still here?")
        assert refused.value.code == "not_joined"


async def test_many_in_flight_keep_their_order(stack: RunningStack) -> None:
    """A hundred sends without waiting: each is acknowledged, in the order they were written."""
    cookie = await guest(stack.pinned(0), "Lía")
    async with connect(stack.pinned(0), cookie) as socket:
        await socket.welcome()
        await socket.join("lobby")
        keys = [new_key() for _ in range(100)]
        for key in keys:
            await socket.write("send", room="lobby", key=key, text="quick")
        async with asyncio.timeout(20):
            acks = [await socket.expect("sent", key=key) for key in keys]
        seqs = [ack["seq"] for ack in acks]
        assert seqs == sorted(set(seqs))
