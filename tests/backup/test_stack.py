"""The whole road on the running stack: a backup while people chat, a wipe, a restore, and what clients then read."""

import asyncio
import os
import sqlite3
import sys
from contextlib import AsyncExitStack, closing
from pathlib import Path

import pytest

from deploy.drill.reader import Reader
from deploy.drill.visitor import guest
from deploy.drill.wire import connect
from deploy.drill.witness import Witness
from tests.running import RunningStack, running_stack

pytestmark = [pytest.mark.stack, pytest.mark.timeout(300)]


async def backup(stack: RunningStack, *words: str) -> tuple[int, str]:
    """Run `./parley backup` on this stack; give its status and what it printed."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-P", "-m", "deploy", "backup", *words, "--dir", str(stack.directory)),
        env=os.environ | {"PYTHONPATH": str(stack.root)},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    printed, _ = await process.communicate()
    return process.returncode or 0, printed.decode()


def stored(directory: Path) -> list[tuple[int, str, str]]:
    """Read the log past the app."""
    with closing(sqlite3.connect(directory / "parley.sqlite3")) as connection:
        return connection.execute("SELECT seq, key, text FROM chat_entry ORDER BY seq").fetchall()


async def test_create_wipe_restore(tmp_path: Path) -> None:
    """The restored stack has the log of the backup and no later entry, and no client resumes into another history."""
    directory = tmp_path / "stack"
    with running_stack(directory) as stack:
        async with AsyncExitStack() as stay:
            witnesses = [await stay.enter_async_context(Witness(f"w-{n}", stack.address, rate=10)) for n in range(5)]
            assert all([await witness.ready() for witness in witnesses])
            for witness in witnesses:
                witness.start_sending()
            assert await witnesses[0].until(lambda: witnesses[0].position >= 50)
            status, said = await backup(stack, "create")
            assert status == 0, said
            after = witnesses[0].position
            assert await witnesses[0].until(lambda: witnesses[0].position >= after + 50)
            status, said = await backup(stack, "restore", "20260101T000000.000Z")
            assert status == 2
            for witness in witnesses:
                await witness.stop_sending()
            assert all([await witness.settled() for witness in witnesses])
        name = next((directory / "backups").glob("*Z")).name
        status, said = await backup(stack, "restore", name)
        assert (status, said.count("\n")) == (2, 1), said
        assert "stop it before a restore" in said
        cookie = await guest(stack.address, "Later")
        async with connect(stack.address, cookie) as socket:
            joined = await socket.join("lobby")
            assert joined["head"] >= after + 50
    before = stored(directory)
    for path in directory.glob("parley.sqlite3*"):
        path.unlink()
    status, said = await backup(stack, "restore", name)
    assert status == 0, said
    kept = stored(directory)
    assert kept == before[: len(kept)]
    assert 50 <= len(kept) < len(before)
    with running_stack(directory) as stack:
        cookie = await guest(stack.address, "Again")
        async with connect(stack.address, cookie) as socket:
            again = await socket.join("lobby", after=len(kept) - 5, epoch=joined["epoch"])
            assert again["recovered"] is False, "a position in another history is worth nothing"
            assert again["epoch"] != joined["epoch"]
            assert again["head"] == len(kept)
            sent = await socket.send_text("lobby", "after the restore")
            assert sent["seq"] == len(kept) + 1
        log = await Reader(stack.address, "lobby").log(len(kept) + 1, 1)
        assert [(entry.seq, entry.key) for entry in log.entries][:-1] == [(seq, key) for seq, key, _ in kept]
