"""People on every instance of one stack, who come in through its edge."""

import asyncio
from contextlib import AsyncExitStack
from itertools import cycle

from deploy.effects.client.http_client import guest
from deploy.effects.client.websocket_client import connect, new_key
from tests.behaviour.people import enter, everywhere
from tests.behaviour.site import Site

TEXT = "¡hola! <script>alert(1)</script> שלום 👋🏽"


async def test_all_instances_give_one_seq(site: Site) -> None:
    """What somebody writes on one of them all the others read as it was, under the same number, once."""
    async with AsyncExitStack() as stay:
        found = await everywhere(stay, site)
        assert len(found) > 1
        for writer in found.values():
            key = new_key()
            sent = await writer.send_text("lobby", TEXT, key)
            entries = [await reader.entry("lobby", sent["seq"]) for reader in found.values()]
            assert all(entry == entries[0] for entry in entries)
            assert (entries[0]["text"], entries[0]["key"], entries[0]["at"]) == (TEXT, key, sent["at"])
            again = [frame for reader in found.values() for frame in await reader.fence()]
            seqs = [entry["seq"] for frame in again if frame["type"] == "entries" for entry in frame["entries"]]
            assert seqs.count(sent["seq"]) == len(found)  # `entry` keeps the frame that it looked into


async def test_same_key_is_stored_once(site: Site) -> None:
    """A repetition, on another instance, with another text, is answered with the first."""
    cookie, key = await guest(site.address, "Dina"), new_key()
    async with AsyncExitStack() as stay:
        one, *others = (await everywhere(stay, site, cookie)).values()
        first = await one.send_text("lobby", "once", key)
        for other in others:
            again = await other.send_text("lobby", "twice", key)
            assert again["repeated"] is True
            assert (again["seq"], again["at"]) == (first["seq"], first["at"])
        assert (await one.entry("lobby", first["seq"]))["text"] == "once"


async def test_resume_gives_what_was_missed(site: Site) -> None:
    """With `after` and the epoch, a join continues on whatever instance without gap or repeat."""
    async with AsyncExitStack() as stay:
        found = await everywhere(stay, site)
        async with connect(site.address, await guest(site.address, "Eva")) as socket:
            joined = await enter(socket)
        writers = cycle(found.values())
        seqs = [(await next(writers).send_text("lobby", f"missed {number}"))["seq"] for number in range(6)]
        for reader in found.values():
            back = await reader.join("lobby", after=joined["head"], epoch=joined["epoch"])
            assert back["recovered"] is True
            assert [entry["seq"] for entry in back["entries"]] == list(range(joined["head"] + 1, seqs[-1] + 1))


async def test_history_reads_back(site: Site) -> None:
    """Pages of history continue each other down to the first entry."""
    async with connect(site.address, await guest(site.address, "Hugo")) as socket:
        await enter(socket)
        for number in range(7):
            sent = await socket.send_text("lobby", f"page {number}")
        page = await socket.history("lobby", before=sent["seq"], limit=4)
        assert [entry["seq"] for entry in page["entries"]] == list(range(sent["seq"] - 4, sent["seq"]))
        assert page["more"] is True
        seen: list[int] = []
        before = sent["seq"] + 1
        while True:
            page = await socket.history("lobby", before=before, limit=200)
            seen = [entry["seq"] for entry in page["entries"]] + seen
            if not page["more"]:
                break
            before = seen[0]
        assert seen == list(range(1, sent["seq"] + 1))


async def test_typing_and_presence_cross_instances(site: Site) -> None:
    """The others see who comes and who writes; the writer is not told about herself."""
    async with AsyncExitStack() as stay:
        others = (await everywhere(stay, site)).values()
        socket = await stay.enter_async_context(connect(site.address, await guest(site.address, "Inés")))
        me = (await socket.welcome())["you"]["id"]
        await socket.join("lobby")

        def came(frame: dict[str, object]) -> bool:
            joined = frame.get("joined", [])
            return frame["type"] == "presence" and any(who["id"] == me for who in joined)  # type: ignore[attr-defined]

        told = await asyncio.gather(*(other.until(came) for other in others))
        assert all(frame["count"] > len(others) for frame in told)
        await socket.write("typing", room="lobby")
        for other in others:
            assert (await other.expect("typing"))["who"] == {"id": me, "name": "Inés"}
        assert not [frame for frame in await socket.fence() if frame["type"] == "typing"]
