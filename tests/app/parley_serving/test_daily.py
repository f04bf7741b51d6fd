"""A command once a day: when it runs, and what becomes of one that fails."""

import logging
import os
import signal
import subprocess
import sys
import threading
from datetime import UTC, datetime, time, timedelta
from pathlib import Path

import pytest

from parley_serving.daily import DAY, Daily, next_at
from tests.checkout import ROOT
from tests.waiting import PATIENCE

EARLY = datetime(2026, 3, 1, 3, 59, 59, 800_000, UTC)
FOUR = time(4)


class Clock:
    """Says the times that it was given, the last one for ever, and what `then` does after each."""

    def __init__(self, *times: datetime) -> None:
        self.times = list(times)

    def __call__(self) -> datetime:
        return self.times.pop(0) if len(self.times) > 1 else self.times[0]


def counting(file: Path, status: int = 0) -> list[str]:
    """Return a command that writes a letter more, and ends with this status."""
    return ["python", "-c", f"open({str(file)!r}, 'a').write('x'); print('said'); exit({status})"]


@pytest.mark.parametrize(
    ("after", "found"),
    [
        (EARLY, EARLY.replace(hour=4, minute=0, second=0, microsecond=0)),
        (EARLY.replace(hour=4, minute=0, second=0, microsecond=0), datetime(2026, 3, 2, 4, tzinfo=UTC)),
        (EARLY.replace(hour=23), datetime(2026, 3, 2, 4, tzinfo=UTC)),
    ],
)
def test_when_it_runs(after: datetime, found: datetime) -> None:
    """Later than now: a run that has just begun is not begun again."""
    assert next_at(FOUR, after) == found


def test_one_that_fails_is_a_line_and_runs_again_the_next_day(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """It is not well from then on; at the second time it is to stop."""
    file, well = tmp_path / "runs", tmp_path / "well"
    start, next_day = EARLY, EARLY + DAY
    daily: Daily
    clock = Clock(start, start + timedelta(seconds=1), next_day)

    def stop_later() -> datetime:
        found = clock()
        if found == next_day and file.exists():
            assert not well.exists()
            daily.stop()
        return found

    daily = Daily("nightly", counting(file, 3), well=well, clock=stop_later)
    with caplog.at_level(logging.ERROR):
        daily.at(FOUR)
    assert file.read_text() == "x"
    assert [record.getMessage() for record in caplog.records] == [
        "nightly failed: ended with exit status 3: said; it runs again at 04:00 UTC"
    ]


def test_one_that_goes_well_is_well(tmp_path: Path) -> None:
    """And says nothing of its own."""
    file, well = tmp_path / "runs", tmp_path / "well"
    times = iter([EARLY, EARLY + timedelta(seconds=1)])
    daily: Daily

    def clock() -> datetime:
        if (found := next(times, None)) is None:
            daily.stop()
        return found or EARLY

    daily = Daily("nightly", counting(file), well=well, clock=clock)
    daily.at(FOUR)
    assert (file.read_text(), well.exists()) == ("x", True)


def test_one_that_begins_now_ends_with_its_first_failure(tmp_path: Path) -> None:
    """It runs once a day from now on; who watches it starts it again."""
    file = tmp_path / "runs"
    later = (EARLY + DAY * number for number in range(10))
    code = "import sys; open({0!r}, 'a').write('x'); sys.exit(len(open({0!r}).read()) == 3)".format(str(file))
    assert Daily("cleanup", ["python", "-c", code], clock=lambda: next(later)).from_now_on() == 1
    assert file.read_text() == "xxx"


def test_a_process_that_a_run_leaves_behind_does_not_hold_the_next_one_up(
    tmp_path: Path, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    """It has the pipe open, and what the run itself wrote at its end is there."""
    file = tmp_path / "pid"
    code = f"""if True:
        import subprocess, sys
        left = subprocess.Popen([sys.executable, "-c", "import signal; signal.pause()"])
        open({str(file)!r}, "w").write(str(left.pid))
        sys.stdout.write("x" * 100_000 + "\\nlast\\n\\n")
        sys.exit(3)
    """
    timer = threading.Timer(PATIENCE, lambda: os.kill(int(file.read_text()), signal.SIGKILL))
    timer.start()
    try:
        assert Daily("nightly", ["python", "-c", code])._run() == (3, "last")
        os.kill(int(file.read_text()), 0)
    finally:
        timer.cancel()
        os.kill(int(file.read_text()), signal.SIGKILL)
    assert capfdbinary.readouterr().out.endswith(b"xx\nlast\n\n")


@pytest.fixture
def environment() -> dict[str, str]:
    """What the program reads of its environment."""
    return {**os.environ, "PYTHONPATH": str(ROOT / "app"), "PARLEY_ENV": "local", "PARLEY_LOG_FORMAT": "json"}


def test_the_program_hands_its_signal_on_and_ends(tmp_path: Path, environment: dict[str, str]) -> None:
    """A run that goes on has its time; its lines are this program's."""
    code = "import signal; signal.signal(15, lambda *_: exit(5)); print('begun', flush=True); signal.pause()"
    options = ["--well", str(tmp_path / "well"), "cleanup", "python", "-c", code]
    with subprocess.Popen(
        [sys.executable, "-m", "parley_serving.daily", *options],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as program:
        timer = threading.Timer(PATIENCE, program.kill)
        timer.start()
        try:
            assert program.stdout
            assert program.stdout.readline() == "begun\n"
            program.send_signal(signal.SIGTERM)
            assert program.stdout.read() == ""
            assert program.wait() == 0
        finally:
            timer.cancel()
    assert not (tmp_path / "well").exists()
