"""A drill sees a stack of compose or systemd through the same verbs as the rollout; `up` by what it wrote down."""

import asyncio
from pathlib import Path

import pytest

from deploy.errors import StackError
from deploy.model import health
from deploy.operations.drill.stack import InstalledStack, LocalStack
from deploy.stacks.local import state
from deploy.stacks.stack import Instance
from tests.deploy.operations.rollout.fake import FakeStack


async def test_the_verbs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Names, processes and readiness are the stack's own; one that says it never will be ready is not ready."""
    fake = FakeStack(tmp_path)
    stack = InstalledStack(fake)
    assert stack.address.origin == "https://localhost:8443"
    assert await stack.names() == ("web-1", "web-2")
    monkeypatch.setattr(fake, "pid", {"web-1": 7}.get)
    assert (await stack.pid("web-1"), await stack.pid("web-2")) == (7, None)

    def ready(instance: Instance) -> bool:
        if instance.name == "web-2":
            raise StackError("it ended")
        return True

    monkeypatch.setattr(fake, "ready", ready)
    assert [await stack.ready(name) for name in ("web-1", "web-2", "web-3")] == [True, False, False]


async def test_an_instance_of_up_is_ready_where_a_project_has_a_readyz_of_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """That page may answer 200 to nobody, or to everybody at once."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked = (await reader.readuntil(b"\r\n\r\n")).split()[1].decode()
        status = "200 OK" if asked == health.READY else "404 Not Found"
        writer.write(f"HTTP/1.1 {status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".encode())
        writer.close()

    socket = tmp_path / "web-1"
    said = {"url": "http://127.0.0.1:1/", "instances": [{"name": "web-1", "socket": str(socket)}]}
    monkeypatch.setattr(state, "read", lambda _: said)
    async with await asyncio.start_unix_server(answer, socket):
        assert await LocalStack(tmp_path).ready("web-1")
