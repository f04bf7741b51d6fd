"""A page of docs/runbooks, played on a running stack by `./parley runbook run`."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from deploy.operations.runbooks import page as pages
from deploy.operations.runbooks.page import Page, Stack
from deploy.operations.runbooks.run import SECTIONS
from tests.checkout import ROOT
from tests.deploy.stacks.compose.stack import RunningCompose
from tests.deploy.stacks.systemd.host import CHECKOUT, Installed
from tests.running import RunningStack, changed_checkout

PATIENCE = 600  # of a rollout on a slow and busy machine
TO_THE_END = pytest.StashKey[bool]()  # of a test: it was not left out, and nothing in it failed
LAUNCHED = (sys.executable, "-P", "-m", "deploy")  # on this machine; on a host it is the launcher
Running = RunningStack | RunningCompose | Installed


def changed(target: Path, *changes: tuple[str, str, str]) -> Path:
    """Copy the checkout with (path, old text, new text) replaced, and what its runbooks need beside the app."""
    changed_checkout(target, *changes)
    for name in ("docs/runbooks", "prometheus"):
        shutil.copytree(ROOT / name, target / name)
    shutil.copy(ROOT / "parley", target)
    (target / ".venv").symlink_to(ROOT / ".venv")
    return target


@dataclass
class Book:
    """One page for one stack; `played` holds the sections that went as the page says."""

    page: Page
    stack: Stack
    project: Path | None = None  # whose the stack is; None: the reference chat's
    played: set[str] = field(default_factory=set)

    def play(self, section: str, on: Running, **variables: str) -> str:
        """Run one section's blocks, and give what it printed; fails unless it went as the page says."""
        status, output = self.tried(section, on, **variables)
        assert status == 0, output
        self.played.add(section)
        return output

    def run(self, on: Running, **variables: str) -> str:
        """Run Diagnosis, Mitigation and Verification in one go, as an operator would."""
        status, output = self._run(on, variables)
        assert status == 0, output
        self.played.update(SECTIONS)
        return output

    def tried(self, section: str, on: Running, **variables: str) -> tuple[int, str]:
        """Run one section's blocks, and give the exit status with what was printed."""
        return self._run(on, variables, "--only", section.lower())

    def unplayed(self) -> set[str]:
        """Name the sections with blocks for this stack that did not go as the page says yet."""
        return set(self.page.of(self.stack)) - self.played

    def _run(self, on: Running, variables: dict[str, str], *options: str) -> tuple[int, str]:
        words = ["runbook", "run", self.page.name, "--stack", self.stack, *options]
        words += ["--project", str(self.project)] if self.project else []
        if isinstance(on, Installed):
            given = [f"{name}={value}" for name, value in variables.items()]
            done = on.host.run("env", *given, f"{CHECKOUT}/parley", *words, check=False)
            return done.returncode, done.stdout + done.stderr
        env, root = dict(os.environ), ROOT
        if isinstance(on, RunningCompose):
            env = on.variables
        else:
            words += ["--dir", str(on.directory)]
            root = on.root
        done = subprocess.run(
            [*LAUNCHED, *words],
            cwd=root,
            env={**env, "PYTHONPATH": str(root), **variables},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=PATIENCE,
            check=False,
        )
        return done.returncode, done.stdout


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Iterator[None]:
    """Remember which tests came to their end: tests/conftest.py has this hook of all tests."""
    result = yield
    item.stash[TO_THE_END] = True
    return result


@pytest.fixture
def book(request: pytest.FixtureRequest) -> Iterator[Book]:
    """The page and the stack of the test's `runbook` mark; each block for that stack has to be played in the test.

    A test that was left out, or failed, says why by itself: its page was not forgotten.
    """
    mark = request.node.get_closest_marker("runbook")
    assert mark, "which page, and on which stack?"
    found = Book(pages.read(mark.args[0]), mark.args[1])
    yield found
    if request.node.stash.get(TO_THE_END, False):
        assert not found.unplayed(), f"not played: {found.unplayed()}"
