"""A stack in a folder with spaces and umlauts, under a locale that knows neither: nothing is taken for broken."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.checkout import ROOT
from tests.running import running_stack

# As the launcher starts everything; what the caller says of Python's encodings it does not hand on.
LOCALE = {"LC_ALL": "POSIX", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "1"}


def parley(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a command beside the stack."""
    return subprocess.run(
        [sys.executable, "-P", "-m", "deploy", *arguments],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        encoding="utf-8",
        timeout=120,
        check=False,
    )


@pytest.mark.stack
def test_every_command_reads_back_what_up_wrote(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The doctor finds all of it well; a backup, metrics and manage.py find their way."""
    for name, value in LOCALE.items():
        monkeypatch.setenv(name, value)
    folder = tmp_path / "ä ö+%2B#1"
    with running_stack(folder) as stack:
        said = parley("doctor", "--dir", str(folder), "--wait", "20")
        assert said.returncode == 0, said.stdout + said.stderr
        assert int(parley("pid", "nginx", "--dir", str(folder)).stdout) == stack.state["nginx_pid"]
        assert "parley_" in parley("metrics", "web-1", "--dir", str(folder)).stdout
        assert parley("manage", "--dir", str(folder), "check").returncode == 0
        made = parley("backup", "create", "--dir", str(folder))
        assert made.stdout.startswith(str(folder)), made.stderr
    assert not [line for line in stack.lines if "Traceback" in line or "UnicodeEncodeError" in line]
