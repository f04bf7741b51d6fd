"""The road of a backup on a stack that runs: made while people chat, and what clients read after the restore."""

import asyncio
import os
import subprocess
import sys
from collections.abc import Callable
from contextlib import AsyncExitStack

from deploy.effects.client.address import Address
from deploy.effects.client.http_client import guest
from deploy.effects.client.websocket_client import connect
from deploy.operations.drill.log_reader import Reader
from deploy.operations.drill.witness import Witness
from tests.running import RunningStack

MESSAGES = 50


def backup(stack: RunningStack, *words: str, status: int = 0) -> str:
    """Run `./parley backup` on a stack of `up` and give what it printed."""
    done = subprocess.run(
        [sys.executable, "-P", "-m", "deploy", "backup", *words, "--dir", str(stack.directory)],
        env=os.environ | {"PYTHONPATH": str(stack.root)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert done.returncode == status, done.stdout
    return done.stdout


async def there_and_back(address: Address, create: Callable[[], str], restore: Callable[[str], Address]) -> None:
    """Chat, back up with `create` (gives the name), chat on, `restore` it by name (gives where the stack is now).

    Then the log is that of the backup, a client that comes back with its position in what was replaced is told so, and
    the chat goes on.
    """
    async with AsyncExitStack() as stay:
        people = [await stay.enter_async_context(Witness(f"w-{number}", address, rate=10)) for number in range(5)]
        assert all([await one.ready() for one in people])
        for one in people:
            one.start_sending()
        first = people[0].position
        assert await people[0].until(lambda: people[0].position >= first + MESSAGES)
        name = await asyncio.to_thread(create)
        after = people[0].position
        assert await people[0].until(lambda: people[0].position >= after + MESSAGES)
        for one in people:
            await one.stop_sending()
        assert all([await one.settled() for one in people])
    reader = Reader(address, "lobby")
    before = await reader.log(await reader.head())
    address = await asyncio.to_thread(restore, name)
    async with connect(address, await guest(address, "Again")) as socket:
        again = await socket.join("lobby", after=before.head, epoch=before.epoch)
        assert again["recovered"] is False, "a position in another history is worth nothing"
        assert again["epoch"] != before.epoch
        assert first + MESSAGES <= again["head"] < before.head
        sent = await socket.send_text("lobby", "after the restore")
        assert sent["seq"] == again["head"] + 1
    restored = await Reader(address, "lobby").log(again["head"])
    assert restored.entries[:-1] == before.entries[: again["head"]]
