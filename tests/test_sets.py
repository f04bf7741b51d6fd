"""Which tests a run takes, and how: by what it is called with."""

import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests import sets
from tests.checkout import ROOT
from tests.sets import LANES, REAL, choose, give_turn, is_in, lane, take_turn

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

@pytest.mark.stack
@pytest.mark.short
@pytest.mark.parametrize("number", range(8))
def test_laned(number): ...

@pytest.mark.stack
def test_of_another_set(): ...

@pytest.mark.parametrize("number", range(8))
def test_free(number): ...

@pytest.mark.short
@pytest.mark.browser
@pytest.mark.parametrize("number", range(3))
def test_browser(number): ...

@pytest.mark.short
@pytest.mark.docker
def test_shared(): ...

@pytest.mark.short
@pytest.mark.docker
@pytest.mark.own_stack
@pytest.mark.parametrize("number", range(4))
def test_own(number): ...
"""


@pytest.fixture(scope="module")
def everything() -> list[set[str]]:
    """The marks of each test there is."""
    here = ROOT
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
    config: Any = SimpleNamespace(
        args_source=pytest.Config.ArgsSource[source],
        option=SimpleNamespace(**none | given),
        invocation_params=pytest.Config.InvocationParams(args=(), plugins=None, dir=Path()),
    )
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


def test_a_set_and_its_lanes_hold_in_each_process(here: Path, tmp_path: Path) -> None:
    """pytest-xdist gives its processes no options, and with another pytest it spreads a lane without a word."""
    (tmp_path / "test_lanes.py").write_text(LANED)
    hooks = (
        "pytest_addoption, pytest_cmdline_main, pytest_itemcollected, pytest_collection_modifyitems, "
        "pytest_runtest_protocol"
    )
    (tmp_path / "conftest.py").write_text(f"from tests.conftest import {hooks}\n")
    command = [sys.executable, "-P", "-m", "pytest", "-v", "-p", "no:cacheprovider", "-o", f"testpaths={tmp_path}"]
    env = {**os.environ, "PYTHONPATH": f"{here}:{here / 'app'}"}
    done = subprocess.run(command, cwd=here, env=env, capture_output=True, text=True, timeout=110, check=False)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    passed = [line for line in done.stdout.splitlines() if "PASSED" in line]
    assert len(passed) == 24, "the short set alone"
    assert len({line.split("]")[0] for line in passed if "test_laned" in line}) == 1
    assert len({line.split("]")[0] for line in passed}) > 1
    order = [line.split("::")[1].split("[")[0].split("@")[0] for line in passed]
    assert order.index("test_own") > max(place for place, name in enumerate(order) if name == "test_browser")


def item(folder: Path, *names: str) -> Any:
    """Give a test with these marks, in a run of its own."""
    one = SimpleNamespace(
        path=folder / "test_x.py", iter_markers=lambda: [SimpleNamespace(name=name) for name in names]
    )
    one.session = SimpleNamespace(items=[one])
    one.config = SimpleNamespace(option=SimpleNamespace(set="all", loadgroup=True))
    return one


def test_stacks_of_their_own_wait_for_the_browsers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not for what is not in the run; and the browsers are done when no other follows in their lane."""
    monkeypatch.setattr(sets, "BROWSERS_SECONDS", 0)
    own, browser, shared = (item(tmp_path, *names) for names in (("docker", "own_stack"), ("browser",), ("docker",)))
    assert (lane(own), lane(browser), lane(shared)) == (sets.OWN, sets.SHARED, sets.SHARED)
    own.config.option.set = "named"
    assert lane(own) == sets.SHARED, "who names tests and processes has one lane, where nobody waits"
    own.config.option.set = "all"
    assert not take_turn(own, tmp_path)
    own.session.items.append(browser)
    give_turn(browser, browser, tmp_path)
    give_turn(own, None, tmp_path)
    assert not take_turn(shared, tmp_path)
    own.config.option.loadgroup = False
    assert not take_turn(own, tmp_path), "the browsers may come after it, in the same process"
    own.config.option.loadgroup = True
    assert take_turn(own, tmp_path) == "the browsers never ended"
    assert not take_turn(own, tmp_path), "the next does not wait as long again"
    (tmp_path / sets.CLOSED).unlink()
    give_turn(browser, shared, tmp_path)
    assert not take_turn(own, tmp_path)
