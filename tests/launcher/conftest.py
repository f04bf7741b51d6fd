"""Copies of the checkout, and bare Debian trees to run the launcher in."""

import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.checkout import ROOT
from tests.launcher.trees import INSIDE, Tree, lacks, mounted

PARTS = ("parley", "parley.toml", "pyproject.toml", "requirements", "deploy", "nginx", "app")


def copy_checkout(target: Path) -> Path:
    """Copy what the launcher needs, without an environment."""
    target.mkdir(parents=True)
    for part in PARTS:
        source = ROOT / part
        if source.is_dir():
            shutil.copytree(source, target / part, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy2(source, target / part)
    return target


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A clean checkout in a path with a space."""
    return copy_checkout(tmp_path / "my checkout")


@pytest.fixture
def debian(tmp_path: Path) -> Iterator[Callable[..., Tree]]:
    """Makes trees, with what the launcher needs of the checkout in the person's home."""
    if need := lacks():
        pytest.skip(f"a bare Debian tree needs {need}")
    with ExitStack() as stack:

        def make(suite: str, *packages: str) -> Tree:
            tree = stack.enter_context(mounted(tmp_path / suite, suite, *packages))
            copy_checkout(tree.root / INSIDE[1:])
            tree.give()
            return tree

        yield make
