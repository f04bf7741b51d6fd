"""Whatever dies, nothing is lost: each fault in the running stack, judged by the checker."""

from collections.abc import Iterator

import pytest

from deploy.drill.faults import FAULTS
from deploy.drill.run import Workload, run
from deploy.drill.stack import LocalStack
from tests.running import RunningStack, running_stack

pytestmark = [pytest.mark.drill, pytest.mark.timeout(300)]


@pytest.fixture(scope="module")
def drilled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningStack]:
    """One stack for all faults: each heals before the next, or the next one fails."""
    with running_stack(tmp_path_factory.mktemp("drill")) as running:
        yield running


@pytest.mark.parametrize("name", [name for name in FAULTS if name != "none"])  # that one runs over a lossy layer
def test_nothing_is_lost(drilled: RunningStack, name: str) -> None:
    """20 clients at 2 messages a second for 20 s, the fault in the middle: zero of every violation."""
    verdict = run(lambda: LocalStack(drilled.directory), name, Workload())
    print(f"{name}: recovered in {verdict.recover_seconds} s")  # noqa: T201 (the figure is part of the proof)
    assert verdict.passed, verdict
