"""docs/adapting.md, done: the tree that it describes is built from its own blocks and runs behind our stack."""

import asyncio
import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
from websockets.asyncio.client import ClientConnection, connect, unix_connect
from websockets.exceptions import ConnectionClosed

from tests.checkout import ROOT
from tests.docs.pages import blocks
from tests.running import RunningStack, changed_checkout, running_stack
from tests.waiting import PATIENCE

PAGE = ROOT / "docs" / "adapting.md"
WAIT_SECONDS = 20.0

pytestmark = pytest.mark.stack


def write_files(tree: Path) -> None:
    """Write each Python block to the path in its first line, and make packages of the folders."""
    for block in blocks(PAGE):
        if block.language != "python":
            continue
        first, _, text = block.text.partition("\n")
        path = tree / first.removeprefix("# ")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        for folder in path.parents:
            if folder == tree / "app":
                break
            (folder / "__init__.py").touch()


def apply_diffs(tree: Path) -> None:
    """Put the `+` lines of each diff block in the place of its `-` lines, which must stand in the checkout once."""
    for block in blocks(PAGE):
        if block.language != "diff":
            continue
        first, _, changes = block.text.partition("\n")
        path = tree / first.removeprefix("--- ")
        text = path.read_text()
        for change in changes.strip("\n").split("\n\n"):
            old, new = (
                "".join(f"{line[1:]}\n" for line in change.splitlines() if line.startswith(sign)) for sign in "-+"
            )
            assert text.count(old) == 1, f"{path.name} does not have once:\n{old}"
            text = text.replace(old, new)
        path.write_text(text)


@pytest.fixture(scope="module")
def board(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningStack]:
    """The example, running."""
    tree = changed_checkout(tmp_path_factory.mktemp("board") / "checkout")
    for name in ("chat", "accounts"):
        shutil.rmtree(tree / "app" / name)
    write_files(tree)
    apply_diffs(tree)
    made = subprocess.run(
        [sys.executable, "manage.py", "makemigrations", "board"],
        cwd=tree / "app",
        env=os.environ | {"PARLEY_ENV": "local"},
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert made.returncode == 0, made.stderr
    with running_stack(tree.parent / "stack", root=tree) as stack:
        yield stack


@contextlib.asynccontextmanager
async def socket(stack: RunningStack, path: str, number: int | None = None) -> AsyncIterator[ClientConnection]:
    """Open a socket through nginx, or on one instance past it."""
    address = stack.address if number is None else stack.pinned(number)
    headers = {**address.forwarded, "Origin": address.origin}
    if address.path is None:
        way = connect(f"wss://{address.host}{path}", ssl=address.tls, additional_headers=headers)
    else:
        way = unix_connect(str(address.path), uri=f"ws://{address.host}{path}", additional_headers=headers)
    async with way as connection:
        yield connection


async def tell(connection: ClientConnection, **frame: object) -> None:
    """Send one frame."""
    await connection.send(json.dumps(frame))


async def until(connection: ClientConnection, kind: str) -> dict[str, Any]:
    """Read up to the next frame of this type."""
    async with asyncio.timeout(WAIT_SECONDS):
        while True:
            frame: dict[str, Any] = json.loads(await connection.recv())
            if frame["type"] == kind:
                return frame


async def close_code(connection: ClientConnection) -> int | None:
    """Read to the end; return the code it ended with."""
    async with asyncio.timeout(WAIT_SECONDS):
        with contextlib.suppress(ConnectionClosed):
            async for _ in connection:
                pass
        await connection.wait_closed()
    return connection.close_code


async def test_a_line_crosses_instances_once_and_a_reader_resumes(board: RunningStack) -> None:
    """Written on one instance, read through nginx and on the other; who has a number gets what follows it."""
    async with (
        socket(board, "/ws/board/", 0) as writer,
        socket(board, "/ws/board/", 1) as reader,
        socket(board, "/ws/board/") as through_nginx,
    ):
        for one in (writer, reader, through_nginx):
            await tell(one, type="join", after=0)
            assert (await until(one, "lines"))["lines"] == [{"seq": 1, "text": "Welcome."}]
        for number, text in enumerate(("hello", "again"), 2):
            await tell(writer, type="write", text=text)
            for one in (reader, through_nginx):
                assert (await until(one, "lines"))["lines"] == [{"seq": number, "text": text}]
    async with socket(board, "/ws/board/", 1) as back:
        await tell(back, type="join", after=2)
        assert (await until(back, "lines"))["lines"] == [{"seq": 3, "text": "again"}]
        await back.send("not ours")
        assert await close_code(back) == 1007


async def test_a_drain_asks_those_it_knows_and_closes_all_with_1012(board: RunningStack) -> None:
    """The board's own and the stock one that is counted are told; the stock one as it is hears the close alone."""
    async with (
        socket(board, "/ws/board/", 0) as ours,
        socket(board, "/ws/counted/", 0) as counted,
        socket(board, "/ws/echo/", 0) as stock,
    ):
        for one in (counted, stock):
            await tell(one, type="echo", text="hello")
            assert await until(one, "echo") == {"type": "echo", "text": "hello"}
        await tell(ours, type="join")
        await until(ours, "lines")
        os.kill(board.instances[0].pid, signal.SIGTERM)
        for one in (ours, counted):
            assert (await until(one, "drain"))["within_ms"] > 0
        assert await asyncio.gather(close_code(ours), close_code(counted), close_code(stock)) == [1012] * 3
    await board.line("web-1", "drain finished sockets=0", timeout=WAIT_SECONDS)
