"""What `python -m tests.launcher.bare` runs where; the run itself is a step of .ci/run."""

import datetime as dt
from pathlib import Path

import pytest

from tests.checkout import ROOT
from tests.launcher import bare
from tests.programs import needed

# These need more than any bare tree has: a Docker engine, and this file a clone.
NEVER = {ROOT / "tests/deploy/stacks/compose/test_monitoring.py", ROOT / "tests" / "launcher" / "test_bare.py"}


def test_both_take_turns(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each is run whole every other day, and the other runs what takes programs from PATH."""
    ran: list[tuple[str, ...]] = []
    monkeypatch.setattr(bare, "bare", lambda *words: ran.append(words) or 0)
    day = dt.date(2025, 1, 1)
    assert (bare.both(day), bare.both(day + dt.timedelta(days=1))) == (0, 0)
    assert {len(words) for words in ran[::2]} == {1}
    assert {ran[0][0], ran[2][0]} == {ran[1][0], ran[3][0]} == {"bookworm", "trixie"}
    assert ran[1][-len(bare.FROM_PATH) :] == ran[3][-len(bare.FROM_PATH) :] == bare.FROM_PATH


def test_a_red_one_is_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its status is the step's."""
    monkeypatch.setattr(bare, "bare", lambda *_: 1)
    assert bare.both(dt.date(2025, 1, 1)) == 1


@pytest.mark.parametrize("path", bare.FROM_PATH)
def test_what_takes_programs_is_there(path: str) -> None:
    """A test that was moved would be left out without a word."""
    assert (ROOT / path).exists()


def test_whatever_takes_a_program_is_among_them() -> None:
    """A new test that does has to be proven where the program is missing."""
    takes = {path for path in (ROOT / "tests").rglob("test_*.py") if "programs import needed" in path.read_text()}
    assert len(takes) > 5
    assert {path for path in takes if not any(path.is_relative_to(ROOT / one) for one in bare.FROM_PATH)} <= NEVER


@pytest.mark.parametrize("words", [[], ["sid"], ["both", "-x"]], ids=["none", "another", "both with more"])
def test_bad_input_is_one_line_and_two(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """Which Debian, and nothing is mounted."""
    assert bare.main(words) == 2
    assert capsys.readouterr().err == "bare: which Debian? bookworm, trixie or both\n"


def test_the_copy_is_a_clone(tmp_path: Path) -> None:
    """What is ignored stays here: an environment, or a stack's folder, would be what a newcomer has not."""
    needed("git", "git")
    if not (ROOT / ".git").exists():
        pytest.skip("the checkout has no history: git clone it")
    bare.copy_tracked(tmp_path)
    assert (tmp_path / "tests" / "launcher" / "bare.py").exists()
    assert not {".venv", ".parley", ".git"} & {path.name for path in tmp_path.iterdir()}
