"""docs/runbooks/disk-full.md, on a file system of its own with not a byte left."""

import asyncio
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.effects.client.http_client import guest
from deploy.effects.client.websocket_client import connect, new_key
from tests import disk as disks
from tests.checkout import ROOT
from tests.deploy.operations.runbooks.book import Book
from tests.deploy.text.prometheus.server import prometheus
from tests.running import running_stack

MEGABYTES = 800  # what the old backups take, and more than the doctor wants to be free
OLD = [f"20250101T00000{number}.000Z" for number in range(7)]


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A small file system."""
    with disks.small_disk(tmp_path / "disk", MEGABYTES) as folder:
        yield folder


def fill(backups: Path) -> None:
    """Copy the one backup under older names, each with more in it, until nothing is left."""
    (made,) = (path for path in backups.iterdir() if path.is_dir())
    for name in OLD:
        shutil.copytree(made, backups / name)
        subprocess.run(
            ["fallocate", "--length", f"{MEGABYTES // (len(OLD) + 1)}M", backups / name / "more"], check=True
        )
    disks.fill(backups / OLD[0] / "more")


@pytest.mark.stack
@pytest.mark.runbook("disk-full", "local")
async def test_not_a_byte_is_left(book: Book, disk: Path, tmp_path: Path) -> None:
    """What was sent meanwhile is stored afterwards, once."""
    with running_stack(disk) as stack, prometheus(stack, tmp_path / "prometheus") as server:
        command = [sys.executable, "-P", "-m", "deploy", "backup", "create", "--dir", str(disk)]
        env = os.environ | {"PYTHONPATH": str(ROOT)}
        subprocess.run(command, cwd=ROOT, env=env, check=True, capture_output=True)  # noqa: ASYNC221 (a moment)
        async with connect(stack.pinned(0), await guest(stack.address, "Ana")) as socket:
            await socket.welcome()
            await socket.join("lobby")
            before = await socket.send_text("lobby", "before")
            await asyncio.to_thread(fill, disk / "backups")
            keys = [new_key() for _ in range(20)]
            for key in keys:  # some go into what the database has already; then it takes no more
                await socket.write("send", room="lobby", key=key, text="x" * 4000)
            await socket.expect("error", code="unavailable")
            await asyncio.to_thread(server.until, ("ParleyDatabaseNotWritable", "web-1"))
            await asyncio.to_thread(book.run, stack, KEEP="3")
            for key in keys:
                await socket.write("send", room="lobby", key=key, text="x" * 4000)
            seqs = [(await socket.expect("sent", key=key))["seq"] for key in keys]
            assert sorted(set(seqs)) == list(range(before["seq"] + 1, before["seq"] + 1 + len(keys)))
        kept = sorted(path.name for path in (disk / "backups").iterdir() if path.is_dir())
        assert kept[:2] == OLD[-2:]
        assert len(kept) == 3
