"""A superuser's password goes to a unit in a file that only root reads, and that is gone whatever happens."""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.errors import StackError
from deploy.stacks.systemd import systemctl

SECRET = 'DJANGO_SUPERUSER_PASSWORD="s3cret"\n'
# systemd-run: says what it found, and ends, or stays.
FOUND = """#!/bin/sh
for word; do case "$word" in --property=EnvironmentFile=*/run/*) file="${word#*=*=}" ;; esac; done
stat -c %a "$file"; cat "$file"
"""
# `nohup`, and a shell's `&`, have a process ignore some signals, and its children with it: the test run may be one.
BECOME = """
import signal, sys
from pathlib import Path
from deploy.stacks.systemd import systemctl

signal.signal(signal.SIGHUP, signal.SIG_DFL)
signal.signal(signal.SIGINT, signal.default_int_handler)
signal.signal(signal.SIGQUIT, signal.SIG_DFL)
systemctl.RUN = Path(sys.argv[1])
systemctl.become("parley", ["true"], folder=Path("/"), env_files=[Path("/env")], secret=sys.argv[2])
"""


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the file goes."""
    (tmp_path / "run").mkdir()
    (tmp_path / "bin").mkdir()
    monkeypatch.setattr(systemctl, "RUN", tmp_path / "run")
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:{os.environ['PATH']}")
    return tmp_path / "run"


def systemd_run(run: Path, then: str) -> None:
    """Put a program of that name first on PATH."""
    program = run.parent / "bin" / "systemd-run"
    program.write_text(FOUND + then + "\n")
    program.chmod(0o755)


@pytest.fixture
def process(run: Path) -> Iterator[subprocess.Popen[str]]:
    """Become a unit that stays, up to the moment at which it has its secret."""
    systemd_run(run, "exec sleep 60")
    with subprocess.Popen(
        [sys.executable, "-c", BECOME, str(run), SECRET], stdout=subprocess.PIPE, encoding="utf-8"
    ) as process:
        assert process.stdout
        assert [process.stdout.readline(), process.stdout.readline()] == ["600\n", SECRET]
        assert len(list(run.iterdir())) == 1
        yield process
        process.kill()


def become() -> None:
    """Become a unit with a secret."""
    systemctl.become("parley", ["true"], folder=Path("/"), env_files=[Path("/env")], secret=SECRET)


@pytest.mark.parametrize("status", [0, 1])
def test_it_is_gone_where_the_unit_never_started(run: Path, capfd: pytest.CaptureFixture[str], status: int) -> None:
    """systemd removes it only with the unit; the exit status is the command's."""
    systemd_run(run, f"exit {status}")
    with pytest.raises(SystemExit) as ended:
        become()
    assert ended.value.code == status
    assert capfd.readouterr().out == f"600\n{SECRET}"
    assert list(run.iterdir()) == []


def test_it_is_gone_where_there_is_no_systemd_run(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In one line."""
    monkeypatch.setenv("PATH", str(run))
    with pytest.raises(StackError, match=r"^systemd-run is not installed, or not on PATH$"):
        become()
    assert list(run.iterdir()) == []


@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGINT, signal.SIGQUIT, signal.SIGTERM])
def test_it_is_gone_when_the_command_is_ended(
    run: Path, process: subprocess.Popen[str], number: signal.Signals
) -> None:
    """The command gets the signal first."""
    process.send_signal(number)
    assert process.wait(20) == 128 + number
    assert list(run.iterdir()) == []


def test_what_a_killed_one_left_is_gone_with_the_next(
    run: Path, process: subprocess.Popen[str], capfd: pytest.CaptureFixture[str]
) -> None:
    """And what belongs to one that runs stays."""
    (mine,) = run.iterdir()
    dead = subprocess.Popen(["true"])
    dead.wait()
    for name in (f"parley-{dead.pid}-00ff.env", f".parley-{dead.pid}-00ff.env.x1y2"):
        shutil.copy(mine, run / name)
    systemd_run(run, "exit 0")
    with pytest.raises(SystemExit):
        become()
    assert list(run.iterdir()) == [mine]
    process.terminate()
    assert process.wait(20) == 128 + signal.SIGTERM
    assert capfd.readouterr().out == f"600\n{SECRET}"
