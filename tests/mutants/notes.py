"""What one run of the tests is to remember: how long each test took, and which one failed."""

import collections
import json
from pathlib import Path

import pytest


class Notes:
    """A plugin of pytest that starts with the tests that killed most, then the fast ones, and notes what happens."""

    def __init__(self, file: Path, kills: collections.Counter[str], seconds: dict[str, float]) -> None:
        self._file = file
        self._kills = kills
        self._known = seconds
        self._seconds: collections.defaultdict[str, float] = collections.defaultdict(float)
        self._failed: str | None = None

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Run first what may fail soonest: the run ends there."""
        items.sort(key=lambda item: (-self._kills[item.nodeid], self._known.get(item.nodeid, 0)))

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Add a phase of a test."""
        self._seconds[report.nodeid] += report.duration
        if report.failed:
            self._failed = report.nodeid

    def pytest_sessionfinish(self) -> None:
        """Leave it for the process that waits."""
        self._file.write_text(json.dumps({"seconds": self._seconds, "failed": self._failed}))
