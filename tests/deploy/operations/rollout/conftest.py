"""What the tests of the rollout share."""

from pathlib import Path

import pytest

from deploy.operations.rollout import swap
from tests.deploy.operations.rollout.fake import FakeStack


@pytest.fixture(params=["in place", "surge"])
def fake(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeStack:
    """Two instances in memory, replaced in either way; what is never ready is given up at once."""
    monkeypatch.setattr(swap, "PAUSE", 0.0)
    return FakeStack(tmp_path / "state", surge=request.param == "surge")
