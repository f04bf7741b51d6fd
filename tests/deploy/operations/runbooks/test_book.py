"""A page that a test forgot to play fails the test; one that was left out does not."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.checkout import ROOT
from tests.waiting import PATIENCE

CONFTEST = "from tests.deploy.operations.runbooks.book import book, pytest_runtest_call"
TEST = """
import pytest

@pytest.mark.runbook("replicas", "local")
def test_it(book):
    {body}
"""
PLAYED = "book.played.update(book.unplayed())"


@pytest.mark.parametrize(
    ("body", "counted"),
    [
        (PLAYED, "1 passed"),
        ("pass", "1 passed, 1 error"),
        ("book.played.add('Diagnosis')", "1 passed, 1 error"),
        ("pytest.skip('no prometheus')", "1 skipped"),
        ("pytest.fail('broken')", "1 failed"),
    ],
    ids=["played", "forgotten", "half forgotten", "left out", "broken"],
)
def test_what_was_not_played_is_told_once(tmp_path: Path, body: str, counted: str) -> None:
    """The error is the page's own: beside a failure or a skip it would say what is not so."""
    (tmp_path / "conftest.py").write_text(CONFTEST)
    (tmp_path / "test_it.py").write_text(TEST.format(body=body))
    (tmp_path / "pytest.ini").write_text("[pytest]\nmarkers = runbook\n")
    command = [sys.executable, "-P", "-m", "pytest", "-p", "no:django", "-q", str(tmp_path)]
    env = os.environ | {"PYTHONPATH": str(ROOT)}  # pythonpath of the file would end at a space
    done = subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True, timeout=PATIENCE, check=False)
    assert done.stdout.splitlines()[-1].startswith(f"{counted} in "), done.stdout + done.stderr
    assert ("not played: " in done.stdout) is ("error" in counted)
