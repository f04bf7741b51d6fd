"""A channel layer that loses, repeats, reorders and delays on purpose: every promise holds over it."""

from pathlib import Path

import pytest

from deploy.operations.drill.run import Workload, run
from deploy.operations.drill.stack import LocalStack
from tests.running import changed_checkout, running_stack

pytestmark = [pytest.mark.drill, pytest.mark.timeout(300)]

LOSSY = (
    "app/parley_serving/layers.py",
    '    return {"default": {"BACKEND": backend, "CONFIG": {"hosts": [host], "prefix": name}}}',
    (
        '    inner = {"BACKEND": backend, "CONFIG": {"hosts": [host], "prefix": name}}\n'
        '    chaos = {"layer": inner, "seed": 7, "drop": 0.2, "repeat": 0.1, "reorder": 0.2, "delay": 0.1}\n'
        '    return {"default": {"BACKEND": "realtime.lossy.LossyChannelLayer", "CONFIG": chaos}}'
    ),
)
# `up` is production, whose check refuses this very layer.
UNCHECKED = ("app/config/checks.py", "@register(Tags.security)\ndef layer_is_honest", "def layer_is_honest")


@pytest.mark.parametrize("fault", ["none", "worker-kill"])
def test_nothing_is_lost_over_a_lossy_layer(tmp_path: Path, fault: str) -> None:
    """20 % dropped and 20 % out of order, with and without a kill on top."""
    root = changed_checkout(tmp_path / "checkout", LOSSY, UNCHECKED)
    with running_stack(tmp_path / "stack", root=root) as stack:
        verdict = run(lambda: LocalStack(stack.directory), fault, Workload())
        repaired = sum(stack.measured(number)["parley_repaired_total"] for number in range(2))
    assert verdict.passed, str(verdict)
    assert repaired > 0  # the layer did lose something
