"""A release's id says what is in it."""

import re
import shutil
from pathlib import Path

import pytest

from deploy.model.release import SHIPPED, release, shipped
from tests.checkout import ROOT


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A checkout with a file of each kind."""
    for name in ("app/a.py", "deploy/b.py", "parley.toml", "requirements/run.txt", "README.md"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(name)
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    return tmp_path


def test_version_and_digest() -> None:
    """An image's tag and a folder's name can be it."""
    assert re.fullmatch(r"\d+\.\d+\.\d+-[0-9a-f]{8}", release())


@pytest.mark.parametrize("name", ["app/a.py", "parley.toml", "requirements/run.txt"])
def test_another_for_every_change_of_what_ships(tree: Path, name: str) -> None:
    """A byte is enough."""
    before = release(tree)
    (tree / name).write_text("changed")
    assert release(tree) != before


def test_another_for_a_file_that_moved(tree: Path) -> None:
    """The same bytes under another name."""
    before = release(tree)
    (tree / "app/a.py").rename(tree / "app/c.py")
    assert release(tree) != before


def test_the_same_for_what_does_not_ship(tree: Path) -> None:
    """Documents, tests, and what Python compiles."""
    before = release(tree)
    (tree / "README.md").write_text("changed")
    (tree / "app/__pycache__").mkdir()
    (tree / "app/__pycache__/a.cpython-313.pyc").write_bytes(b"x")
    assert release(tree) == before


def test_the_image_holds_what_ships(here: Path) -> None:
    """The id of the checkout is then the image's."""
    ignored = (here / ".dockerignore").read_text(encoding="utf-8").splitlines()
    assert sorted(line[1:] for line in ignored if line.startswith("!")) == sorted(SHIPPED)
    assert here / "app/manage.py" in set(shipped())
