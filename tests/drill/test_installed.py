"""A drill sees a stack of compose or systemd through the same verbs as the rollout."""

from pathlib import Path

import pytest

from deploy.drill.stack import InstalledStack
from deploy.errors import StackError
from deploy.stacks.stack import Instance
from tests.rollout.fake import FakeStack


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
