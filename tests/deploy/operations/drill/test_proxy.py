"""The proxy carries, cuts without a FIN, and mends."""

import asyncio
from contextlib import AsyncExitStack

import pytest

from deploy.effects.client.websocket_client import connect
from deploy.operations.drill.journal import Closed, Joined
from deploy.operations.drill.proxy import proxy_to
from deploy.operations.drill.timeouts import Patience
from deploy.operations.drill.witness import Witness
from tests.deploy.operations.drill.fake import Fake


async def test_a_cut_link_says_nothing_and_goes_on_when_mended(fake: Fake) -> None:
    """Nothing comes, not even an end; mended, what was under way arrives."""
    async with AsyncExitStack() as stay:
        proxy = await stay.enter_async_context(proxy_to(fake.address.hostname, fake.address.port))
        socket = await stay.enter_async_context(connect(fake.address.through(*proxy.listen), None))
        await socket.join("lobby")
        proxy.cut()
        await socket.write("send", room="lobby", key="late", text="x")
        closing = asyncio.create_task(fake.peers[0].connection.close(1012))
        with pytest.raises(TimeoutError):
            await socket.closed(timeout=0.1)
        assert fake.frames("send") == []
        proxy.mend()
        assert await socket.closed() == 1012
        await closing


async def test_a_handshake_over_a_cut_link_is_given_up(fake: Fake) -> None:
    """The link is accepted and leads nowhere."""
    async with proxy_to(fake.address.hostname, fake.address.port) as proxy:
        proxy.cut()
        with pytest.raises(TimeoutError):
            async with connect(fake.address.through(*proxy.listen), None, timeout=0.1):
                pass


async def test_a_witness_resumes_after_a_cut(fake: Fake) -> None:
    """It leaves the dead link, fails to connect while cut, and resumes once mended."""
    async with proxy_to(fake.address.hostname, fake.address.port) as proxy:
        address = fake.address.through(*proxy.listen)
        patience = Patience(handshake=1.0, ping=0.02, silence=0.1, first=0.02, longest=0.05)
        async with Witness("w-0", address, cookie="sessionid=s", patience=patience) as witness:
            assert await witness.ready()
            proxy.cut()
            fake.append("missed")
            assert await witness.until(lambda: bool(list(witness.journal.all(Closed))))
            proxy.mend()
            assert await witness.reached(1)
    # Once or more: a silence as short as this one a busy machine may keep too.
    assert {closed.code for closed in witness.journal.all(Closed)} == {1006}
    first, *later = [joined.recovered for joined in witness.journal.all(Joined)]
    assert (first, set(later)) == (False, {True})


async def test_nobody_behind_the_proxy_closes_the_link() -> None:
    """A refused connection is passed on as a closed one."""
    async with proxy_to("127.0.0.1", 1) as proxy:
        reader, writer = await asyncio.open_connection(*proxy.listen)
        assert await reader.read() == b""
        writer.close()
