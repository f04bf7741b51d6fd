"""Which tests a run takes, and how: by what it is called with."""

import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests.sets import LANES, REAL, choose, is_in

PRINT = """
import pytest, sys

class Seen:
    def pytest_collection_finish(self, session):
        for item in session.items:
            sys.stdout.write(f"SEEN {' '.join(mark.name for mark in item.iter_markers())}\\n")

sys.exit(pytest.main(["--collect-only", "-qq", "-p", "no:cacheprovider", "--release"], plugins=[Seen()]))
"""

LANED = """
import pytest

@pytest.mark.xdist_group("lane")
@pytest.mark.parametrize("number", range(8))
def test_laned(number): ...

@pytest.mark.parametrize("number", range(8))
def test_free(number): ...
"""


@pytest.fixture(scope="module")
def everything() -> list[set[str]]:
    """The marks of each test there is."""
    here = Path(__file__).resolve().parents[1]
    command = [sys.executable, "-P", "-c", PRINT]
    done = subprocess.run(command, cwd=here, capture_output=True, text=True, timeout=110, check=False)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    return [set(line.split()[1:]) for line in done.stdout.splitlines() if line.startswith("SEEN")]


def test_the_short_set_has_one_of_each_kind_that_needs_no_engine(everything: list[set[str]]) -> None:
    """And all that needs no real server."""
    short = [marks for marks in everything if is_in(marks, "short")]
    assert set.union(*short) & REAL == {"stack", "drill", "browser"}
    assert any("runbook" in marks for marks in short)
    assert sum(not marks & REAL for marks in short) > 1200


def test_ci_leaves_out_what_is_marked_for_a_release_alone(everything: list[set[str]]) -> None:
    """Each kind of test is in it, and in the set of everything is all there is."""
    left_out = [marks for marks in everything if not is_in(marks, "all")]
    assert left_out
    assert all("release" in marks for marks in left_out)
    assert set.union(*(marks for marks in everything if is_in(marks, "all"))) >= REAL
    assert all(is_in(marks, "release") and is_in(marks, "named") for marks in everything)


def chosen(source: str = "TESTPATHS", **given: Any) -> tuple[str, int | None, str]:
    """Give the set, the processes and how pytest-xdist shares the tests among them."""
    none: dict[str, Any] = dict.fromkeys(("set", "keyword", "markexpr", "numprocesses", "usepdb")) | {"dist": "no"}
    config: Any = SimpleNamespace(args_source=pytest.Config.ArgsSource[source], option=SimpleNamespace(**none | given))
    choose(config)
    return config.option.set, config.option.numprocesses, config.option.dist


def test_a_whole_set_runs_side_by_side_and_what_is_named_does_not() -> None:
    """Nothing but a path, -k or -m names tests; -n and --pdb are heard."""
    assert chosen() == ("short", LANES, "loadgroup")
    assert chosen(set="all") == ("all", LANES, "loadgroup")
    assert chosen(numprocesses=0) == ("short", 0, "no")
    assert chosen(usepdb=True) == ("short", None, "no")
    for named in (chosen("ARGS"), chosen(keyword="drain"), chosen(markexpr="drill")):
        assert named == ("named", None, "no")


def test_what_shares_a_lane_shares_a_process(tmp_path: Path) -> None:
    """As pytest-xdist has it with this pytest: with another it may spread them without a word."""
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    (tmp_path / "test_lanes.py").write_text(LANED)
    command = [sys.executable, "-P", "-m", "pytest", "-v", "-p", "no:cacheprovider", "-p", "no:django"]
    command += ["--numprocesses=2", "--dist=loadgroup"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=110, check=False)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    processes = [line.split("]")[0] for line in done.stdout.splitlines() if "PASSED" in line and "test_laned" in line]
    assert len(processes) == 8
    assert len(set(processes)) == 1
