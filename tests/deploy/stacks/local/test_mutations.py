"""A guard is proven by breaking it: each is taken out of a copy of the checkout, and a fault must show it by name."""

from pathlib import Path

import pytest

from deploy.operations.drill.run import Workload, run
from deploy.operations.drill.stack import LocalStack
from deploy.operations.drill.verdict import Name
from tests.running import changed_checkout, running_stack

pytestmark = [pytest.mark.drill, pytest.mark.timeout(300)]

RESUME_OFF = [
    # A join says `recovered` and starts at the head.
    ("app/chat/log/read.py", "start, most = after, limits.RESUME_ENTRIES", "start, most = room.head, 1"),
]
REPAIR_OFF = [
    ("app/realtime/feed.py", "        if self._repair is None:\n", "        if False:\n"),
]
KEYS_OFF = [
    ("app/chat/models.py", 'fields=["room", "author", "key"]', 'fields=["room", "author", "key", "seq"]'),
    ("app/chat/migrations/0001_initial.py", "('room', 'author', 'key')", "('room', 'author', 'key', 'seq')"),
]
DRAIN_OFF = [
    (
        "app/parley_serving/worker.py",
        "        await self._drain_those(lambda _: True, is_over=self.connections.are_gone, look=LOOK_SECONDS)\n",
        "",
    ),
    (
        "app/parley_serving/worker.py",
        (
            "        if asyncio.get_running_loop().time() < deadline - HURRY_SECONDS:\n"
            "            self.connections.hurry()\n"
            "        else:\n"
            "            self.connections.close(self.connections.open())\n"
        ),
        "",
    ),
]
RELOAD_OFF = [
    ("app/parley_serving/server.py", "    edge = env.edge\n", ""),
]


@pytest.mark.parametrize(
    ("changes", "fault", "violation"),
    [
        pytest.param(RESUME_OFF, "worker-kill", "gap", id="resume off"),
        pytest.param(REPAIR_OFF, "redis-kill", "missed", id="gap repair off"),
        pytest.param(KEYS_OFF, "answers-lost", "stored_twice", id="keys off"),
        pytest.param(DRAIN_OFF, "roll", "cut", id="drain off"),
        pytest.param(RELOAD_OFF, "nginx-reload", "cut", id="reload off"),
    ],
)
def test_a_guard_less_is_found(
    tmp_path: Path, changes: list[tuple[str, str, str]], fault: str, violation: Name
) -> None:
    """The verdict is `failed`, by the violation that this guard is there against, in a run that counts."""
    root = changed_checkout(tmp_path / "checkout", *changes)
    with running_stack(tmp_path / "stack", root=root) as stack:
        verdict = run(lambda: LocalStack(stack.directory), fault, Workload())
    assert verdict.outcome == "failed", verdict
    assert verdict.counts.get(violation), verdict
    assert verdict.acknowledged >= 500
    assert verdict.acknowledged_in_window >= 1
